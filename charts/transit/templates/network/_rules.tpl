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
