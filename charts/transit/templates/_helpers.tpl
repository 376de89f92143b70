{{- define "transit.labels" -}}
app.kubernetes.io/name: transit-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "transit.selector" -}}
app.kubernetes.io/name: transit-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
