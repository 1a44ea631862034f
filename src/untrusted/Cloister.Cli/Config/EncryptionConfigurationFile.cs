using System.Text;

namespace Cloister.Cli.Config;

/// <summary>Writes an EncryptionConfiguration for a KMS socket.</summary>
internal static class EncryptionConfigurationFile
{
    private const string Identity = "      - identity: {}\n";

    /// <summary>The YAML text.</summary>
    /// <param name="socketPath">Absolute path of the socket.</param>
    /// <param name="provider">Provider name, part of what is stored.</param>
    /// <param name="apiVersion"><c>v1</c> or <c>v2</c>.</param>
    /// <param name="resources">Resources to encrypt.</param>
    /// <param name="phase"><c>readers</c>: identity first; <c>writers</c>: identity last; <c>sealed</c>: without.</param>
    internal static string Text(string socketPath, string provider, string apiVersion, IReadOnlyList<string> resources, string phase)
    {
        StringBuilder text = new();
        text.Append("apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n  - resources:\n");
        foreach (string resource in resources)
        {
            text.Append("      - ").Append(Quote(resource)).Append('\n');
        }

        text.Append("    providers:\n");
        if (phase == "readers")
        {
            text.Append(Identity);
        }

        text.Append("      - kms:\n");
        text.Append("          apiVersion: ").Append(apiVersion).Append('\n');
        text.Append("          name: ").Append(Quote(provider)).Append('\n');
        text.Append("          endpoint: ").Append(Quote($"unix://{Escaped(socketPath)}")).Append('\n');
        text.Append("          timeout: 3s\n");
        if (phase == "writers")
        {
            text.Append(Identity);
        }

        return text.ToString();
    }

    // An endpoint is an address: these would end its path, or begin a character's number.
    private static string Escaped(string path) => path.Replace("%", "%25", StringComparison.Ordinal).Replace("?", "%3F", StringComparison.Ordinal).Replace("#", "%23", StringComparison.Ordinal);

    private static string Quote(string text) => $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
}
