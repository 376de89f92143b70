{{- define "transit.dashboard" -}}{{ .Release.Name }}-dashboard{{- end }}

{{- define "transit.dashboardSelector" -}}
app.kubernetes.io/name: transit-dashboard
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "transit.dashboardOwnLabels" -}}
{{ include "transit.dashboardSelector" . }}
{{ include "transit.commonOwnLabels" . }}
{{- end }}

{{- /* As transit.podLabels: no version of the chart, so that another chart alone replaces no pod. */ -}}
{{- define "transit.dashboardPodLabels" -}}
{{- toYaml (merge (fromYaml (include "transit.dashboardOwnLabels" .)) (.Values.dashboard.podLabels | default dict) (.Values.commonLabels | default dict)) }}
{{- end }}

{{- define "transit.dashboardLabels" -}}
{{- $chart := dict "helm.sh/chart" (printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_")) -}}
{{- toYaml (merge (fromYaml (include "transit.dashboardOwnLabels" .)) $chart (.Values.commonLabels | default dict)) }}
{{- end }}
