using Cloister.Cli.Output;
using Cloister.Yaml;
using YamlDotNet.RepresentationModel;

namespace Cloister.Cli.Init;

/// <summary>
/// The one file that a cluster is described in: <c>kind: InitValues</c>. Sections <c>kms</c>, <c>custody</c>, <c>broker</c>, <c>gateway</c> and <c>state</c> go into the enclave's configuration
/// word for word, <c>brokerConfiguration</c> into the broker's: their own readers judge them. secrets: none.
/// </summary>
internal sealed class InitValues
{
    internal const string ApiVersion = "cloister.dev/v1alpha1";

    private const string Kind = "InitValues";
    private const int MaxLength = 65_536;

    private static readonly string[] Fields = ["apiVersion", "kind", "cluster", "provider", "nodes", "kms", "custody", "broker", "gateway", "state", "policy", "brokerConfiguration"];

    private static readonly (string Field, string Value)[] Constants = [("apiVersion", ApiVersion), ("kind", Kind)];
    private static readonly string[] Required = ["cluster", "custody", "nodes"];
    private static readonly string[] Names = ["cluster", "provider"];
    private static readonly string[] Sections = ["kms", "custody", "broker", "gateway", "state", "policy", "brokerConfiguration", "nodes"];

    private readonly YamlMappingNode _root;

    private InitValues(YamlMappingNode root) => _root = root;

    internal string Cluster => Text("cluster")!;

    internal string Provider => Text("provider") ?? "tee";

    /// <summary>Names of control-plane nodes, and their API servers' own addresses.</summary>
    internal IReadOnlyList<(string Name, string Url)> Nodes { get; private set; } = [];

    /// <summary>Where the gateway listens, when there is one.</summary>
    internal string? GatewayUrl => Section("gateway") is { } gateway
        ? $"https://{(Scalar(gateway, "listen") ?? "tcp:127.0.0.1:2390").Replace("tcp:", "", StringComparison.Ordinal)}"
        : null;

    /// <summary>Whether the enclave has a KMS socket: a gateway alone needs none.</summary>
    internal bool HasKms => Section("gateway") is null || Section("kms") is not null;

    /// <summary>Reads a file and finds every mistake of its own fields.</summary>
    /// <exception cref="CliException">The text is not plain YAML, or has mistakes; the message lists them.</exception>
    internal static InitValues Read(string path)
    {
        YamlMappingNode root;
        try
        {
            root = PlainYaml.Load(File.ReadAllText(path), MaxLength);
        }
        catch (PlainYamlException e)
        {
            throw new CliException($"{path}: line {e.Line}: {e.Message}");
        }

        InitValues values = new(root);
        List<string> errors = [];
        errors.AddRange(root.Children.Keys.Select(key => key is YamlScalarNode { Value: { } name } ? name : "").Where(name => !Fields.Contains(name)).Select(name => $"{CliOutput.Shown(name)}: there is no such field; fields are {string.Join(", ", Fields)}"));
        errors.AddRange(Constants.Where(field => values.Text(field.Field) != field.Value).Select(field => $"{field.Field}: has to be {field.Value}"));
        errors.AddRange(Required.Where(name => !root.Children.ContainsKey(name)).Select(name => $"{name}: is required"));
        errors.AddRange(Names.Where(name => root.Children.TryGetValue(name, out YamlNode? node) && !IsName((node as YamlScalarNode)?.Value)).Select(name => $"{name}: has letters, digits, '-', '_' and '.' only"));
        errors.AddRange(Sections
            .Where(name => root.Children.TryGetValue(name, out YamlNode? node) && node is not YamlMappingNode { Children.Count: > 0 }).Select(name => $"{name}: has to have fields"));
        if (values.Section("nodes") is { } nodes)
        {
            values.Nodes = [.. nodes.Children.Select(node => ((node.Key as YamlScalarNode)?.Value ?? "", (node.Value as YamlScalarNode)?.Value ?? ""))];
            errors.AddRange(values.Nodes
                .Where(node => !IsName(node.Name) || !Uri.TryCreate(node.Url, UriKind.Absolute, out Uri? url) || url.Scheme != "https" || node.Url != url.GetLeftPart(UriPartial.Authority))
                .Select(node => $"nodes: {CliOutput.Shown(node.Name)}: has to be NAME: https://HOST:PORT, its API server's own address"));
        }

        return errors.Count == 0 ? values : throw new CliException($"{path}:\n{string.Join('\n', errors.Select(error => $"  {error}"))}");
    }

    /// <summary>A section, or null when it is not there.</summary>
    internal YamlMappingNode? Section(string name) => _root.Children.TryGetValue(name, out YamlNode? node) ? node as YamlMappingNode : null;

    internal static string? Scalar(YamlMappingNode section, string name) => section.Children.TryGetValue(name, out YamlNode? node) ? (node as YamlScalarNode)?.Value : null;

    private string? Text(string name) => Scalar(_root, name);

    // They stand in commands, in paths and in YAML.
    private static bool IsName(string? text) => text is { Length: > 0 and <= 253 } && char.IsAsciiLetterOrDigit(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
}
