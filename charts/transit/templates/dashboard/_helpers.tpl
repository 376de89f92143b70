{{- define "transit.dashboard" -}}{{ .Release.Name }}-dashboard{{- end }}

{{- define "transit.dashboardSelector" -}}
app.kubernetes.io/name: transit-dashboard
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* As transit.podLabels: no version of the chart, so that another chart alone replaces no pod. */ -}}
{{- define "transit.dashboardPodLabels" -}}
{{- $own := merge (fromYaml (include "transit.dashboardSelector" .)) (fromYaml (include "transit.commonOwnLabels" .)) -}}
{{- toYaml (merge $own .Values.commonLabels) }}
{{- end }}

{{- define "transit.dashboardLabels" -}}
{{- $chart := dict "helm.sh/chart" (printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_")) -}}
{{- toYaml (merge (fromYaml (include "transit.dashboardPodLabels" .)) $chart) }}
{{- end }}
