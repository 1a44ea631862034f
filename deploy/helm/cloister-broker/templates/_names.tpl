{{- define "cloister-broker.selector" -}}
app.kubernetes.io/name: cloister-broker
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "cloister-broker.labels" -}}
{{ include "cloister-broker.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: cloister
{{- end }}

{{- /* Where people sign on to the console; empty: nowhere. */}}
{{- define "cloister-broker.signOn" -}}
{{- $console := .Values.brokerConfiguration.admin.console -}}
{{- if kindIs "map" $console }}{{ with $console.signOn }}{{ .listen }}{{ end }}{{ end -}}
{{- end }}

{{- /* The port of an address that the broker listens on. */}}
{{- define "cloister-broker.port" -}}
{{ regexFind "[0-9]+$" . }}
{{- end }}
