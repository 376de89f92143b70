{{- define "transit.tcp" -}}
{{- range . }}
- {protocol: TCP, port: {{ . }}}
{{- end }}
{{- end }}

{{- /* Any name server: of the cluster (53, OpenShift's 5353), or on the node. */ -}}
{{- define "transit.egressToDns" -}}
# Names
- ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
    - {protocol: UDP, port: 5353}
    - {protocol: TCP, port: 5353}
{{- end }}

{{- /* What operator and live page ask; of .Values.networkPolicy. */ -}}
{{- define "transit.egressToSources" -}}
# The API server
- ports: {{- include "transit.tcp" .apiServerPorts | nindent 4 }}
  {{- with .apiServer }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
# Prometheus
- ports: {{- include "transit.tcp" .prometheusPorts | nindent 4 }}
  {{- with .prometheus }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
