{{- /* What all objects of a release are called. Names begin with the release's, so that two releases in a namespace don't meet. */ -}}
{{- define "transit.name" -}}{{ .Release.Name }}-operator{{- end }}

{{- /* Of what belongs to no namespace: two releases of one name, in two namespaces, don't meet either. */ -}}
{{- define "transit.clusterName" -}}{{ .Release.Namespace }}:{{ .Release.Name }}{{- end }}

{{- define "transit.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (ternary (include "transit.name" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{- define "transit.lease" -}}{{ .Release.Namespace }}/{{ include "transit.name" . }}{{- end }}

{{- define "transit.selector" -}}
app.kubernetes.io/name: transit-operator
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "transit.ownLabels" -}}
{{ include "transit.selector" . }}
{{ include "transit.commonOwnLabels" . }}
{{- end }}

{{- define "transit.commonOwnLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: transit
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- /* Those that others rely on win over those of the values. */ -}}
{{- define "transit.labels" -}}
{{- $chart := dict "helm.sh/chart" (printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_")) -}}
{{- toYaml (merge (fromYaml (include "transit.ownLabels" .)) $chart (.Values.commonLabels | default dict)) }}
{{- end }}

{{- define "transit.podLabels" -}}
{{- toYaml (merge (fromYaml (include "transit.ownLabels" .)) (.Values.podLabels | default dict) (.Values.commonLabels | default dict)) }}
{{- end }}

{{- define "transit.image" -}}{{ include "transit.imageOf" (list . .Values.image) }}{{- end }}

{{- /* An image of the values, with the chart's version where they name none. */ -}}
{{- define "transit.imageOf" -}}
{{- $chart := (first .).Chart -}}
{{- with last . -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{- /* The operator's configuration, with what depends on the chart's version. */ -}}
{{- define "transit.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- if not $config.server.image -}}
{{- $_ := set $config.server "image" (printf "ghcr.io/transit-dev/server:%s" .Chart.AppVersion) -}}
{{- end -}}
{{- toYaml $config }}
{{- end }}
