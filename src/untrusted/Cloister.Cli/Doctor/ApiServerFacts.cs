using System.Text.Json.Nodes;
using Cloister.Cli.Config;

namespace Cloister.Cli.Doctor;

/// <summary>A folder or file of the host in the API server's container.</summary>
internal sealed record ApiServerMount(string HostPath, string MountPath, string Type);

/// <summary>How an API server is started: from its static pod, or from kubeadm's ConfigMap or ClusterConfiguration.</summary>
internal sealed class ApiServerFacts
{
    private readonly Dictionary<string, string> _flags = [];

    private ApiServerFacts(bool isPod)
    {
        IsPod = isPod;
    }

    /// <summary>A pod: it has probes and a user. kubeadm's configuration has neither.</summary>
    internal bool IsPod { get; }

    internal List<ApiServerMount> Mounts { get; } = [];

    /// <summary>Paths of its probes by name.</summary>
    internal Dictionary<string, string> Probes { get; } = [];

    internal uint User { get; private set; }

    /// <summary>Its groups; empty: only root's.</summary>
    internal List<uint> Groups { get; } = [];

    /// <summary>A flag's value, named without its hyphens; null: not given.</summary>
    internal string? Flag(string name) => _flags.GetValueOrDefault(name);

    /// <summary>Reads a manifest.</summary>
    /// <exception cref="FormatException">It is none of the three.</exception>
    internal static ApiServerFacts Read(string text)
    {
        JsonNode? root = PlainValues.Read(text);
        switch (DoctorScope.Text(root, "kind"))
        {
            case "Pod":
                return Pod(root!);
            case "ClusterConfiguration":
                return Kubeadm(root!);
            case "ConfigMap" when DoctorScope.Text(root!["data"], "ClusterConfiguration") is { } inner:
                return Kubeadm(PlainValues.Read(inner) ?? throw new FormatException("the ConfigMap's ClusterConfiguration is empty"));
            default:
                throw new FormatException("neither the API server's Pod nor kubeadm's ConfigMap or ClusterConfiguration");
        }
    }

    /// <summary>Where a path of the container is on the host; null: it is in no mount.</summary>
    internal string? OnHost(string path) => path.Length == 0 ? null : !IsPod && Mounts.Count == 0 ? path : Mounts
        .Where(mount => IsBelow(path, mount.MountPath))
        .OrderByDescending(mount => mount.MountPath.Length)
        .Select(mount => mount.HostPath + path[mount.MountPath.Length..])
        .FirstOrDefault();

    internal static bool IsBelow(string path, string folder) => path == folder || path.StartsWith($"{folder.TrimEnd('/')}/", StringComparison.Ordinal);

    private static ApiServerFacts Pod(JsonNode pod)
    {
        ApiServerFacts facts = new(isPod: true);
        JsonNode? spec = pod["spec"];
        JsonNode container = Items(spec, "containers").FirstOrDefault(one => DoctorScope.Text(one, "name") == "kube-apiserver") ?? Items(spec, "containers").FirstOrDefault()
            ?? throw new FormatException("the pod has no container");
        foreach (string argument in DoctorScope.Texts(container["command"]).Concat(DoctorScope.Texts(container["args"])).Where(one => one.StartsWith("--", StringComparison.Ordinal)))
        {
            int equals = argument.IndexOf('=', StringComparison.Ordinal);
            facts._flags[equals < 0 ? argument[2..] : argument[2..equals]] = equals < 0 ? "true" : argument[(equals + 1)..];
        }

        foreach (JsonNode mount in Items(container, "volumeMounts"))
        {
            JsonNode? host = Items(spec, "volumes").FirstOrDefault(volume => DoctorScope.Text(volume, "name") == DoctorScope.Text(mount, "name"))?["hostPath"];
            if (DoctorScope.Text(host, "path") is { } path && DoctorScope.Text(mount, "mountPath") is { } mounted)
            {
                facts.Mounts.Add(new ApiServerMount(path.TrimEnd('/'), mounted.TrimEnd('/'), DoctorScope.Text(host, "type") ?? ""));
            }
        }

        foreach (string probe in (string[])["livenessProbe", "startupProbe"])
        {
            if (container[probe] is { } node)
            {
                facts.Probes[probe] = DoctorScope.Text(node["httpGet"], "path") ?? "";
            }
        }

        JsonNode?[] contexts = [container["securityContext"], spec!["securityContext"]];
        facts.User = contexts.Select(context => Number(context, "runAsUser")).FirstOrDefault(number => number is not null) ?? 0;
        facts.Groups.Add(contexts.Select(context => Number(context, "runAsGroup")).FirstOrDefault(number => number is not null) ?? 0);
        facts.Groups.AddRange(DoctorScope.Texts(spec["securityContext"]?["supplementalGroups"]).Select(text => uint.TryParse(text, out uint id) ? id : 0));
        return facts;
    }

    // Version v1beta4 has a list of name and value, v1beta3 a map.
    private static ApiServerFacts Kubeadm(JsonNode configuration)
    {
        ApiServerFacts facts = new(isPod: false);
        JsonNode? server = configuration["apiServer"];
        if (server?["extraArgs"] is JsonObject map)
        {
            foreach ((string name, JsonNode? value) in map)
            {
                facts._flags[name] = value?.ToString() ?? "";
            }
        }

        foreach (JsonNode argument in Items(server, "extraArgs"))
        {
            facts._flags[DoctorScope.Text(argument, "name") ?? ""] = argument["value"]?.ToString() ?? "";
        }

        facts.Mounts.AddRange(Items(server, "extraVolumes").Select(volume => new ApiServerMount(
            (DoctorScope.Text(volume, "hostPath") ?? "").TrimEnd('/'), (DoctorScope.Text(volume, "mountPath") ?? "").TrimEnd('/'), DoctorScope.Text(volume, "pathType") ?? "")));
        return facts;
    }

    private static IEnumerable<JsonNode> Items(JsonNode? node, string name) => node is JsonObject fields && fields[name] is JsonArray list ? list.OfType<JsonNode>() : [];

    private static uint? Number(JsonNode? context, string name) => uint.TryParse((context as JsonObject)?[name]?.ToString(), out uint number) ? number : null;
}
