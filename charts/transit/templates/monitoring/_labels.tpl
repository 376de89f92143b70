{{- /* Labels of an object that another operator chooses by them: list of the chart's context and the labels of the values. */ -}}
{{- define "transit.monitoringLabels" -}}
{{- toYaml (merge (fromYaml (include "transit.labels" (index . 0))) (index . 1 | default dict)) }}
{{- end }}
