using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Cloister.Packages.Tests.Machines;

namespace Cloister.Packages.Tests.Charts;

/// <summary>What the chart renders, and what it refuses.</summary>
public sealed partial class ChartTests : IDisposable
{
    private static readonly string[] Kinds = ["ConfigMap", "NetworkPolicy", "PodDisruptionBudget", "Service", "Service", "ServiceAccount", "StatefulSet"];

    private readonly Chart _chart = new();

    public static TheoryData<string, string[]> Cases => new()
    {
        { Chart.Sqlite, Kinds },
        { Chart.PostgreSql, [.. Kinds.Append("Service").Order(StringComparer.Ordinal)] },
        { Chart.Monitored, [.. Kinds.Concat(["ConfigMap", "ServiceMonitor", "PrometheusRule"]).Concat(Chart.HasDashboards ? ["ConfigMap"] : []).Order(StringComparer.Ordinal)] },
    };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _chart.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Helm_and_Kubernetes_take_it_and_a_namespace_that_is_restricted_takes_the_pod(string values, string[] kinds)
    {
        Assert.Contains("0 chart(s) failed", (await _chart.HelmAsync("lint", Chart.Folder, values)).MustSucceed(), StringComparison.Ordinal);
        JsonNode[] objects = await _chart.RenderAsync(values);
        Assert.Equal(kinds, objects.Select(item => (string)item["kind"]!).Order(StringComparer.Ordinal));
        Assert.All(objects, item => Assert.Equal("keys", (string?)item["metadata"]!["namespace"]));

        JsonNode template = Chart.Find(objects, "StatefulSet")["spec"]!["template"]!;
        JsonNode pod = template["spec"]!;
        JsonNode container = Assert.Single(pod["containers"]!.AsArray())!;
        Assert.EndsWith($"/cloister-broker@{Chart.Digest}", (string)container["image"]!, StringComparison.Ordinal);
        AssertRestricted(pod, container);

        // Services and policies are about these pods and ports that they have.
        HashSet<string> ports = [.. container["ports"]!.AsArray().Select(port => (string)port!["name"]!)];
        JsonNode[] services = [.. objects.Where(item => (string)item["kind"]! == "Service")];
        Assert.All(services.Select(item => item["spec"]!["selector"]!).Append(Chart.Find(objects, "NetworkPolicy")["spec"]!["podSelector"]!["matchLabels"]!), selector =>
            Assert.All(selector.AsObject(), label => Assert.Equal((string)label.Value!, (string?)template["metadata"]!["labels"]![label.Key])));
        Assert.All(services.SelectMany(item => item["spec"]!["ports"]!.AsArray()), port => Assert.Contains((string)port!["targetPort"]!, ports));
        Assert.Contains((string)Chart.Find(objects, "StatefulSet")["spec"]!["serviceName"]!, services.Select(item => (string)item["metadata"]!["name"]!));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_broker_takes_its_configuration_as_it_was_given(bool shared)
    {
        string broker = Shell.InRepository("artifacts", "publish", "cloister-broker");
        Assert.SkipUnless(File.Exists(broker), "there is no artifacts/publish: make publish");
        JsonNode[] objects = await _chart.RenderAsync(shared ? Chart.PostgreSql : Chart.Sqlite);
        string configuration = (string)Chart.Find(objects, "ConfigMap")["data"]!["broker.yaml"]!;

        // The broker reads the files as well: those that a Secret and a ConfigMap would hold are in a folder here.
        await File.WriteAllTextAsync(_chart["broker.yaml"], configuration.Replace("/run/cloister/", _chart["pod/"], StringComparison.Ordinal), Cancellation);
        (await Shell.BashAsync($"""
            mkdir -p '{_chart["pod"]}'/secrets/tls '{_chart["pod"]}'/secrets/login '{_chart["pod"]}'/files/login; cd '{_chart["pod"]}'
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout secrets/tls/tls.key -out secrets/tls/tls.crt -days 2 -subj /CN=broker \
              -addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=serverAuth -addext subjectAltName=URI:urn:cloister:broker,URI:urn:cloister:administration 2>&1
            cp secrets/tls/tls.crt files/login/ca.crt; echo secret >secrets/login/secret
            """)).MustSucceed();
        Assert.Equal("accepted", (await Shell.RunAsync(broker, "--config", _chart["broker.yaml"], "--check")).MustSucceed());

        // Every path that it names is a mount of the pod.
        JsonNode container = Chart.Find(objects, "StatefulSet")["spec"]!["template"]!["spec"]!["containers"]![0]!;
        string[] mounts = [.. container["volumeMounts"]!.AsArray().Select(mount => (string)mount!["mountPath"]!)];
        string[] paths = [.. PathOfPod().Matches(configuration).Select(match => match.Value)];
        Assert.NotEmpty(paths);
        Assert.All(paths, path => Assert.Contains(mounts, mount => path == mount || path.StartsWith($"{mount}/", StringComparison.Ordinal)));
        Assert.Equal(shared ? 10 : 4, paths.Length);
        Assert.Equal(shared, configuration.Contains("perPlatform: 1000000\n", StringComparison.Ordinal));
    }

    [Fact]
    public async Task People_who_sign_on_reach_the_console_by_a_service_of_its_own_and_nobody_without()
    {
        JsonNode[] objects = await _chart.RenderAsync(Chart.PostgreSql);
        JsonNode service = Chart.Find(objects, "Service", $"{Chart.Release}-console")["spec"]!;
        JsonNode port = Assert.Single(service["ports"]!.AsArray())!;
        JsonNode pod = Chart.Find(objects, "StatefulSet")["spec"]!["template"]!["spec"]!["containers"]![0]!;
        Assert.Equal(("443", "ClientIP", "Local"), (port["port"]!.ToString(), (string?)service["sessionAffinity"], (string?)service["externalTrafficPolicy"]));
        Assert.Equal("9445", Assert.Single(pod["ports"]!.AsArray(), one => (string?)one!["name"] == (string?)port["targetPort"])!["containerPort"]!.ToString());
        JsonNode rule = Assert.Single(Chart.Find(objects, "NetworkPolicy")["spec"]!["ingress"]!.AsArray(), one => (string?)one!["ports"]![0]!["port"] == "console")!;
        Assert.Equal("203.0.113.0/24", (string?)Assert.Single(rule["from"]!.AsArray())!["ipBlock"]!["cidr"]);

        // Who is not named does not reach it, and without people who sign on there is no port.
        objects = await _chart.RenderAsync(Chart.PostgreSql, "networkPolicy: { console: [] }");
        Assert.DoesNotContain("console", Chart.Find(objects, "NetworkPolicy").ToJsonString(), StringComparison.Ordinal);
        objects = await _chart.RenderAsync(Chart.PostgreSql, "brokerConfiguration: { admin: { console: enabled } }");
        Assert.DoesNotContain(objects, item => item.ToJsonString().Contains("9445", StringComparison.Ordinal) || (string)item["metadata"]!["name"]! == $"{Chart.Release}-console");
    }

    [Theory]
    [InlineData("thisClusterIsNotServed: false", "must not run in the cluster whose KEK it keeps")]
    [InlineData("thisClusterIsNotServed: null", "thisClusterIsNotServed")]
    [InlineData("replica: 1", "replica is not allowed")]
    [InlineData("image: { tag: latest }", "tag is not allowed")]
    [InlineData("image: { digest: '' }", "image.digest")]
    [InlineData("image: { digest: 'sha256:11' }", "image.digest")]
    [InlineData("image: { repository: 'registry.example/cloister-broker:0.1.0' }", "image.repository")]
    [InlineData("brokerConfiguration: { databse: x }", "databse is not allowed")]
    [InlineData("brokerConfiguration: { collateral: null }", "collateral")]
    [InlineData("brokerConfiguration: { listen: '127.0.0.1:8443' }", "nothing outside of the pod reaches")]
    [InlineData("brokerConfiguration: { admin: { listen: '0.0.0.0:0' } }", "admin.listen is 0.0.0.0:0")]
    [InlineData("brokerConfiguration: { admin: { console: { signOn: { listen: '127.0.0.1:8445', url: 'https://keys.example' } } } }", "admin.console.signOn.listen is 127.0.0.1:8445")]
    [InlineData("brokerConfiguration: { admin: { console: { signOn: { url: 'https://keys.example' } } } }", "listen is required")]
    [InlineData("brokerConfiguration: { admin: { console: { signon: { } } } }", "signon is not allowed")]
    [InlineData("consoleService: { type: Loadbalancer }", "consoleService.type")]
    [InlineData("brokerConfiguration: { admin: { administrators: [] } }", "administrators")]
    [InlineData("brokerConfiguration: { database: 'postgres:Host=db;Username=u;PASSWORD=secret-of-mine' }", "has a password")]
    [InlineData("brokerConfiguration: { database: 'postgres:Pwd = secret-of-mine;Host=db' }", "has a password")]
    [InlineData("brokerConfiguration: { database: 'sqlite:/tmp/broker.db' }", "a restart would lose")]
    [InlineData("brokerConfiguration: { rootKey: { file: /tmp/UNPROTECTED-root.key } }", "a restart would lose")]
    [InlineData("brokerConfiguration: { newRootKey: { file: /etc/cloister/UNPROTECTED-root.key } }", "a restart would lose")]
    [InlineData("brokerConfiguration: { rootKey: { file: /var/lib/cloister-broker/../UNPROTECTED-root.key } }", "a restart would lose")]
    [InlineData("brokerConfiguration: { stateDirectory: /var/lib/cloister-brokers }", "a restart would lose")]
    [InlineData("brokerConfiguration: { audit: { directory: /tmp } }", "a restart would lose")]
    [InlineData("replicas: 2", "brokers are one only with one database and one root key")]
    [InlineData("replicas: 2\nbrokerConfiguration: { database: 'postgres:Host=db;Username=u' }", "brokers are one only with one database and one root key")]
    [InlineData("secrets: { 'Db/..': x }", "secrets")]
    [InlineData("secrets: { db: { password: x } }", "secrets.db")]
    [InlineData("networkPolicy: { egres: [] }", "egres is not allowed")]
    [InlineData("persistence: { accessMode: ReadWriteMany }", "persistence.accessMode")]
    [InlineData("service: { type: Loadbalancer }", "service.type")]
    [InlineData("monitoring: { serviceMonitor: { enable: true } }", "enable is not allowed")]
    [InlineData("logFormat: xml", "logFormat")]
    public async Task What_is_wrong_is_refused_with_its_reason_and_nothing_is_rendered(string change, string because)
    {
        Said said = await _chart.HelmAsync("template", Chart.Folder, Chart.Sqlite, change);
        Assert.NotEqual(0, said.ExitCode);
        Assert.Contains(because, said.Errors, StringComparison.Ordinal);
        Assert.Equal("", said.Output);
        Assert.DoesNotContain("secret-of-mine", said.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_values_nothing_is_rendered()
    {
        Said said = await _chart.HelmAsync("template", Chart.Folder);
        Assert.NotEqual(0, said.ExitCode);
        Assert.Equal("", said.Output);
    }

    [Fact]
    public async Task The_plain_manifests_are_what_the_chart_renders_now()
    {
        Said said = await Shell.RunAsync(Shell.InRepository("eng", "manifests"), _chart["plain"]);
        Chart.SkipWithout(said);
        said.MustSucceed();
        string committed = Shell.InRepository("deploy", "kubernetes", "broker");
        string[] names = [.. Directory.GetFiles(_chart["plain"]).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
        Assert.Equal(names, Directory.GetFiles(committed).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
        Assert.True(names.Length > 5);
        foreach (string name in names)
        {
            Assert.True(
                await File.ReadAllTextAsync(_chart[$"plain/{name}"], Cancellation) == await File.ReadAllTextAsync(Path.Combine(committed, name), Cancellation),
                $"{name} is not what the chart renders: make manifests");
        }
    }

    [Fact]
    public async Task Monitoring_carries_the_rules_as_they_are_in_the_repository()
    {
        JsonNode[] objects = await _chart.RenderAsync(Chart.Monitored);
        string[] files = Directory.GetFiles(Shell.InRepository("deploy", "prometheus"), "*.rules.yaml");
        Assert.NotEmpty(files);
        foreach (string file in files)
        {
            Assert.Equal(await File.ReadAllTextAsync(file, Cancellation), (string?)Chart.Find(objects, "ConfigMap", $"{Chart.Release}-rules")["data"]![Path.GetFileName(file)]);
            JsonNode rules = JsonNode.Parse((await Chart.ManifestsAsync("--json", file)).MustSucceed())![0]!;
            JsonNode rule = Chart.Find(objects, "PrometheusRule", $"{Chart.Release}-{Path.GetFileName(file)[..^".rules.yaml".Length]}");
            Assert.True(JsonNode.DeepEquals(rules, rule["spec"]), rule.ToJsonString());
            Assert.Equal("prometheus", (string?)rule["metadata"]!["labels"]!["release"]);
        }

        // What is scraped is a port of a Service that it selects.
        JsonNode monitor = Chart.Find(objects, "ServiceMonitor")["spec"]!;
        JsonNode endpoint = Assert.Single(monitor["endpoints"]!.AsArray())!;
        JsonNode service = Chart.Find(objects, "Service");
        Assert.Equal(["https", "/metrics", "30s"], ((string[])["scheme", "path", "interval"]).Select(name => (string)endpoint[name]!));
        Assert.Equal((string)endpoint["port"]!, (string?)Assert.Single(service["spec"]!["ports"]!.AsArray())!["name"]);
        Assert.All(monitor["selector"]!["matchLabels"]!.AsObject(), label => Assert.Equal((string)label.Value!, (string?)service["metadata"]!["labels"]![label.Key]));
    }

    [Fact]
    public async Task Dashboards_are_those_of_the_repository_or_refused()
    {
        if (!Chart.HasDashboards)
        {
            Said said = await _chart.HelmAsync("template", Chart.Folder, Chart.Sqlite, "monitoring: { dashboards: { enabled: true } }");
            Assert.NotEqual(0, said.ExitCode);
            Assert.Contains("this chart has no dashboards", said.Errors, StringComparison.Ordinal);
            return;
        }

        JsonObject data = Chart.Find(await _chart.RenderAsync(Chart.Monitored), "ConfigMap", $"{Chart.Release}-dashboards")["data"]!.AsObject();
        string[] files = Directory.GetFiles(Shell.InRepository("deploy", "grafana"), "*.json");
        Assert.NotEmpty(files);
        Assert.Equal(files.Length, data.Count);
        foreach (string file in files)
        {
            Assert.Equal(await File.ReadAllTextAsync(file, Cancellation), (string?)data[Path.GetFileName(file)]);
        }
    }

    // Helm shows notes only where it installs: here they are the text of an object.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_notes_say_what_follows_and_what_is_not_protected(bool shared)
    {
        (await Shell.BashAsync($"cp -rL '{Chart.Folder}' '{_chart["noted"]}'; cd '{_chart["noted"]}/templates'; (echo 'notes: |'; sed 's/^/  /' NOTES.txt) >noted.yaml")).MustSucceed();
        string notes = (await _chart.HelmAsync("template", _chart["noted"], shared ? Chart.PostgreSql : Chart.Sqlite)).MustSucceed();
        notes = notes[notes.IndexOf("notes: |", StringComparison.Ordinal)..];
        Assert.Contains("This cluster must never be one of them", notes, StringComparison.Ordinal);
        Assert.Contains($"kubectl -n keys port-forward pod/{Chart.Release}-0 8444\n", notes, StringComparison.Ordinal);
        Assert.Equal(!shared, notes.Contains("THE ROOT KEY IS A FILE", StringComparison.Ordinal));
        Assert.Equal(!shared, notes.Contains("connect to nothing", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_schema_knows_the_fields_of_the_broker_s_document_and_the_chart_the_version()
    {
        string document = await File.ReadAllTextAsync(Shell.InRepository("docs", "broker.md"), Cancellation);
        string table = document[document.IndexOf("## Configuration", StringComparison.Ordinal)..document.IndexOf("### A certificate", StringComparison.Ordinal)];
        string[] documented = [.. FieldRow().Matches(table).SelectMany(match => FieldName().Matches(match.Value).Select(name => name.Groups[1].Value)).Distinct().Order(StringComparer.Ordinal)];
        JsonNode schema = JsonNode.Parse(await File.ReadAllTextAsync($"{Chart.Folder}/values.schema.json", Cancellation))!;
        Assert.Equal(documented, schema["properties"]!["brokerConfiguration"]!["properties"]!.AsObject().Select(field => field.Key).Order(StringComparer.Ordinal));

        string version = VersionElement().Match(await File.ReadAllTextAsync(Shell.InRepository("Directory.Build.props"), Cancellation)).Groups[1].Value;
        string chart = await File.ReadAllTextAsync($"{Chart.Folder}/Chart.yaml", Cancellation);
        Assert.Contains($"\nversion: {version}\n", chart, StringComparison.Ordinal);
        Assert.Contains($"\nappVersion: \"{version}\"\n", chart, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_packed_chart_names_the_image_that_was_packed_with_it()
    {
        Built.SkipUnlessThere();
        string packed = $"{Built.Packages}/cloister-broker-{Built.Version}.tgz";
        string rendered = (await _chart.HelmAsync("template", packed, Chart.Monitored.Replace($", digest: \"{Chart.Digest}\"", "", StringComparison.Ordinal))).MustSucceed();
        string digest = Assert.Single(await File.ReadAllLinesAsync($"{Built.Packages}/images_{Built.Version}.txt", Cancellation), line => line.StartsWith("cloister-broker@", StringComparison.Ordinal));
        Assert.Contains($" registry.example/{digest}\n", rendered, StringComparison.Ordinal);
        Assert.Contains($"app.kubernetes.io/version: \"{Built.Version}\"", rendered, StringComparison.Ordinal);
        Assert.Contains("kind: PrometheusRule", rendered, StringComparison.Ordinal);
    }

    // Pod Security Standards, "Restricted", as far as it concerns pods of Linux.
    private static void AssertRestricted(JsonNode pod, JsonNode container)
    {
        Assert.Null(pod["hostNetwork"] ?? pod["hostPID"] ?? pod["hostIPC"] ?? pod["initContainers"]);
        Assert.All(pod["volumes"]!.AsArray(), volume => Assert.Contains(Assert.Single(volume!.AsObject(), field => field.Key != "name").Key, (string[])["configMap", "secret", "emptyDir"]));
        Assert.Equal(("true", "RuntimeDefault"), (pod["securityContext"]!["runAsNonRoot"]!.ToString(), (string?)pod["securityContext"]!["seccompProfile"]!["type"]));
        Assert.Equal("65532", pod["securityContext"]!["runAsUser"]!.ToString());
        Assert.Equal("""{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]},"readOnlyRootFilesystem":true}""", container["securityContext"]!.ToJsonString());
        Assert.Equal("false", pod["automountServiceAccountToken"]!.ToString());
    }

    [GeneratedRegex("/(var/lib|run|etc|tmp)/[^;\\s\"]+")]
    private static partial Regex PathOfPod();

    [GeneratedRegex("^\\| `[^|]*\\|", RegexOptions.Multiline)]
    private static partial Regex FieldRow();

    [GeneratedRegex("`([a-zA-Z]+)")]
    private static partial Regex FieldName();

    [GeneratedRegex("<Version>(.*)</Version>")]
    private static partial Regex VersionElement();
}
