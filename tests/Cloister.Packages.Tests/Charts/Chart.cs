using System.Text.Json.Nodes;
using Cloister.Cli.Tests.Harness;
using Cloister.Packages.Tests.Machines;

namespace Cloister.Packages.Tests.Charts;

/// <summary>The chart of <c>deploy/helm</c> as Helm renders it, read with Kubernetes' own types. A test is skipped with the reason where Helm or those cannot be had.</summary>
internal sealed class Chart : IDisposable
{
    /// <summary>The release's name in every test.</summary>
    internal const string Release = "kek";

    internal const string Digest = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

    private static readonly Lazy<Task<Said>> Harness = new(() => Shell.RunAsync(Shell.InRepository("eng", "apiserver-harness")));

    private readonly ScratchFolder _folder = new();

    /// <summary>The least that installs: everything on one volume.</summary>
    internal static string Sqlite { get; } = $$"""
        thisClusterIsNotServed: true
        image: { repository: registry.example/cloister-broker, digest: "{{Digest}}" }
        brokerConfiguration:
          rootKey: { file: /var/lib/cloister-broker/UNPROTECTED-root.key }
          collateral: { directory: /var/lib/cloister-broker/collateral }
          admin:
            administrators:
              - { name: alice, key: "sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", roles: [auditor, operator] }

        """;

    /// <summary>Three brokers on PostgreSQL, with what a cluster may ask for besides.</summary>
    internal static string PostgreSql { get; } = $$"""
        thisClusterIsNotServed: true
        image: { repository: "registry.example:5000/keys/cloister-broker", digest: "{{Digest}}", pullSecrets: [registry] }
        replicas: 3
        logFormat: json
        brokerConfiguration:
          listen: "[::]:9443"
          database: "postgres:Host=db.example;Username=cloister;Database=cloister;SSL Mode=VerifyFull;Root Certificate=/run/cloister/files/db/ca.crt;Passfile=/run/cloister/secrets/db/pgpass"
          rootKey: { pkcs11: { library: /usr/lib/hsm/hsm.so, token: cloister, pinFile: /run/cloister/secrets/hsm/pin } }
          tls: { certificate: /run/cloister/secrets/tls/tls.crt, key: /run/cloister/secrets/tls/tls.key }
          collateral: { pccs: "https://pccs.example:8081/" }
          limits: { perPlatform: 1000000 }
          otherRoots: ["1111111111111111111111111111111111111111111111111111111111111111"]
          audit: { directory: /var/lib/cloister-broker, checkpoints: [{ webhook: "https://siem.example/hook", tokenFile: /run/cloister/secrets/siem/token }] }
          admin:
            console:
              signOn:
                listen: "[::]:9445"
                url: "https://keys.example/"
                issuer: "https://login.example/"
                clientId: cloister
                clientSecretFile: /run/cloister/secrets/login/secret
                ca: /run/cloister/files/login/ca.crt
                roleClaim: groups
                roles: [{ value: security, gives: [reader] }]
            twoPersons: [export, destroy]
            administrators:
              - { name: alice, key: "sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", roles: [auditor, operator] }
              - { name: bob, keys: ["sha256:BJlVdnZ2BQ2DtJVDXtGgWGrYnGVaH4dJZyaXCy3I3Bk="], roles: [keyCustodian] }
        secrets: { db: broker-db, hsm: broker-hsm, tls: broker-tls, siem: broker-siem, login: broker-login }
        configMaps: { db: db-authority, login: login-authority }
        persistence: { size: 1Gi, storageClassName: fast, accessMode: ReadWriteOnce }
        service: { type: LoadBalancer, port: 443, annotations: { example.com/internal: "true" }, loadBalancerSourceRanges: [192.0.2.0/24] }
        consoleService: { type: LoadBalancer, port: 443, annotations: { example.com/people: "true" }, loadBalancerSourceRanges: [203.0.113.0/24] }
        networkPolicy:
          console: [{ ipBlock: { cidr: 203.0.113.0/24 } }]
          enclaves: [{ ipBlock: { cidr: 192.0.2.0/24 } }]
          administrators: [{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: key-owner } } }]
          egress: [{ to: [{ ipBlock: { cidr: 198.51.100.7/32 } }], ports: [{ port: 5432 }] }]
        resources: { requests: { cpu: 1, memory: 1Gi }, limits: { memory: 2Gi } }
        priorityClassName: keys
        nodeSelector: { keys: "true" }
        tolerations: [{ key: keys, operator: Exists, effect: NoSchedule }]
        affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: tee, operator: Exists }] }] } } }

        """;

    /// <summary>Whether the chart carries dashboards: what is in deploy/grafana is linked.</summary>
    internal static bool HasDashboards { get; } = Directory.Exists(Shell.InRepository("deploy", "helm", "cloister-broker", "files", "grafana"));

    /// <summary>With everything that Prometheus and Grafana take.</summary>
    internal static string Monitored { get; } = Sqlite + $$"""
        monitoring:
          serviceMonitor: { enabled: true, labels: { release: prometheus }, interval: 30s }
          prometheusRule: { enabled: true, labels: { release: prometheus } }
          rulesConfigMap: { enabled: true }
          dashboards: { enabled: {{(HasDashboards ? "true" : "false")}} }

        """;

    internal static string Folder { get; } = Shell.InRepository("deploy", "helm", "cloister-broker");

    internal string this[string name] => _folder[name];

    public void Dispose() => _folder.Dispose();

    /// <summary>Runs Helm on the chart with values, the later ones over the earlier.</summary>
    internal async Task<Said> HelmAsync(string verb, string chart, params string[] values)
    {
        List<string> arguments = verb == "template" ? ["template", Release, chart, "--namespace", "keys", "--kube-version", "1.29.0"] : [verb, chart];
        for (int i = 0; i < values.Length; i++)
        {
            await File.WriteAllTextAsync(_folder[$"values-{i}.yaml"], values[i], TestContext.Current.CancellationToken);
            arguments.AddRange(["--values", _folder[$"values-{i}.yaml"]]);
        }

        Said said = await Shell.RunAsync(Shell.InRepository("eng", "helm"), arguments);
        SkipWithout(said);
        return said;
    }

    /// <summary>What Helm makes of the values; everything that Kubernetes itself defines is read strictly.</summary>
    internal async Task<JsonNode[]> RenderAsync(params string[] values)
    {
        await File.WriteAllTextAsync(_folder["rendered.yaml"], (await HelmAsync("template", Folder, values)).MustSucceed(), TestContext.Current.CancellationToken);
        JsonNode[] objects = [.. JsonNode.Parse((await ManifestsAsync("--json", _folder["rendered.yaml"])).MustSucceed())!.AsArray().Select(item => item!)];
        JsonNode[] ours = [.. objects.Where(item => (string)item["apiVersion"]! != "monitoring.coreos.com/v1")];
        await File.WriteAllTextAsync(_folder["kubernetes.yaml"], Documents(ours), TestContext.Current.CancellationToken);
        string[] read = (await ManifestsAsync(_folder["kubernetes.yaml"])).MustSucceed().Split('\n');
        Assert.Equal(ours.Select(item => (string)item["kind"]!), read.Select(line => line.Split(' ')[1]));
        return objects;
    }

    /// <summary>Objects as a file of YAML documents, which JSON is.</summary>
    internal static string Documents(params IEnumerable<JsonNode> objects) => string.Concat(objects.Select(item => $"---\n{item.ToJsonString()}\n"));

    /// <summary>The one object of a kind with this name.</summary>
    internal static JsonNode Find(JsonNode[] objects, string kind, string name = Release) =>
        Assert.Single(objects, item => (string)item["kind"]! == kind && (string)item["metadata"]!["name"]! == name);

    /// <summary>Kubernetes' types, and what compares manifests (tests/manifests).</summary>
    internal static async Task<Said> ManifestsAsync(params string[] arguments)
    {
        Said harness = await Harness.Value;
        SkipWithout(harness);
        return await Shell.RunAsync($"{harness.MustSucceed().Split('\n')[^1]}/bin/manifests", arguments);
    }

    /// <summary>Skips where a harness says that it cannot be had here.</summary>
    internal static void SkipWithout(Said said) => Assert.SkipWhen(said.ExitCode == 77, said.Errors.Trim());
}
