{{- /* What the operator may do in a namespace that it watches. Least privilege: no Secret is read, and of
ModelDeployments only the status is written. One Secret is made for each ModelDeployment; a right to create
can't be limited to names. */ -}}
{{- define "transit.rules" -}}
- apiGroups: [transit.dev]
  resources: [modeldeployments]
  verbs: [get, list, watch]
- apiGroups: [transit.dev]
  resources: [modeldeployments/status]
  verbs: [update]
- apiGroups: [apps]
  resources: [deployments, controllerrevisions]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments/scale]
  verbs: [patch]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
{{- if (.Values.config.keda).enabled }}
- apiGroups: [keda.sh]
  resources: [scaledobjects]
  verbs: [get, list, watch, create, patch, delete]
{{- end }}
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
# Pods are made only to look versions of models up.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [events, secrets]
  verbs: [create]
{{- end }}

{{- /* What the live page reads, and nothing else: commands are given with the visitor's own token. */ -}}
{{- define "transit.dashboardRules" -}}
- apiGroups: [transit.dev]
  resources: [modeldeployments]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [pods, events]
  verbs: [list]
# What a revision was resolved to, for the diff.
- apiGroups: [apps]
  resources: [controllerrevisions]
  verbs: [get]
{{- end }}
