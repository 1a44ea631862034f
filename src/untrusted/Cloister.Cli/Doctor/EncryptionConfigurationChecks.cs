using Cloister.Yaml;
using YamlDotNet.RepresentationModel;

namespace Cloister.Cli.Doctor;

/// <summary>The API server's EncryptionConfiguration: who encrypts Secrets, through which socket, under which name.</summary>
internal static class EncryptionConfigurationChecks
{
    private const string Check = "encryption configuration";
    private const int MaxLength = 1024 * 1024;

    /// <summary>Looks at one file.</summary>
    /// <param name="file">Its path.</param>
    /// <param name="sockets">KMS sockets that a provider should point to.</param>
    /// <param name="provider">Name that the provider should have; null: not known.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    internal static IReadOnlyList<Finding> Run(string file, IReadOnlyList<string> sockets, string? provider)
    {
        YamlMappingNode root;
        try
        {
            root = PlainYaml.Load(File.ReadAllText(file), MaxLength);
        }
        catch (PlainYamlException e)
        {
            return [Finding.Error(Check, file, $"line {e.Line}: {e.Message}", "write it with 'cloister config encryption-provider'")];
        }

        if (Text(root, "kind") != "EncryptionConfiguration")
        {
            return [Finding.Error(Check, file, "not kind: EncryptionConfiguration", "write it with 'cloister config encryption-provider'")];
        }

        // The first entry that names a resource counts.
        YamlMappingNode? entry = Items(root, "resources").FirstOrDefault(Covers);
        if (entry is null)
        {
            return [Finding.Error(Check, file, "Secrets are in no entry of resources: they are stored in clear", "add an entry with resources: [secrets]")];
        }

        List<YamlMappingNode> providers = [.. Items(entry, "providers")];
        List<Finding> findings = [Order(file, providers)];
        int ours = providers.FindIndex(node => Mapping(node, "kms") is { } kms && sockets.Any(socket => Text(kms, "endpoint") == $"unix://{Path.GetFullPath(socket)}"));
        if (ours < 0)
        {
            findings.Add(Finding.Error(Check, file, "no KMS provider for Secrets points to the sockets named here", $"endpoint: unix://{Path.GetFullPath(sockets[0])}"));
            return findings;
        }

        YamlMappingNode plugin = Mapping(providers[ours], "kms")!;
        findings.Add(ours == 0
            ? Finding.Ok(Check, file, "the first provider, which writes use, is this plugin")
            : Finding.Warning(Check, file, $"this plugin is provider {ours + 1}: it is read with, but writes use the first", "put it first when every API server has this file, and rewrite the Secrets"));
        if (provider is not null && Text(plugin, "name") is { } name && name != provider)
        {
            findings.Add(Finding.Error(Check, file, $"the provider's name is '{name}', the enclave's is '{provider}': an EDEK made under one does not open under the other",
                "the name in this file and 'provider' in the enclave's configuration have to be equal; never rename one that has stored values"));
        }

        if (Text(plugin, "apiVersion") != "v2")
        {
            findings.Add(Finding.Warning(Check, file, "KMS v1: one call of the plugin for each write and each read", "apiVersion: v2 (docs/operations.md, 'From KMS v1 to v2')"));
        }

        return findings;
    }

    private static Finding Order(string file, List<YamlMappingNode> providers)
    {
        int identity = providers.FindIndex(node => node.Children.Keys.OfType<YamlScalarNode>().Any(key => key.Value == "identity"));
        return identity switch
        {
            0 => Finding.Error(Check, file, "identity is the first provider: Secrets are written in clear", "put the kms provider first"),
            > 0 => Finding.Warning(Check, file, "identity is among the providers: values in clear are still read", "rewrite all Secrets, check with 'cloister etcd coverage', then take identity out"),
            _ => Finding.Ok(Check, file, "no identity: a value in clear is not read"),
        };
    }

    private static bool Covers(YamlMappingNode entry) => entry.Children.TryGetValue(new YamlScalarNode("resources"), out YamlNode? node)
        && node is YamlSequenceNode list && list.OfType<YamlScalarNode>().Any(item => item.Value is "secrets" or "*." or "*.*");

    private static IEnumerable<YamlMappingNode> Items(YamlMappingNode node, string field) =>
        node.Children.TryGetValue(new YamlScalarNode(field), out YamlNode? value) && value is YamlSequenceNode list ? list.OfType<YamlMappingNode>() : [];

    private static YamlMappingNode? Mapping(YamlMappingNode node, string field) =>
        node.Children.TryGetValue(new YamlScalarNode(field), out YamlNode? value) ? value as YamlMappingNode : null;

    private static string? Text(YamlMappingNode node, string field) =>
        node.Children.TryGetValue(new YamlScalarNode(field), out YamlNode? value) ? (value as YamlScalarNode)?.Value : null;
}
