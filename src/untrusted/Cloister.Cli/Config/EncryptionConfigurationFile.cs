using System.Text;

namespace Cloister.Cli.Config;

/// <summary>Writes an EncryptionConfiguration for a KMS socket.</summary>
internal static class EncryptionConfigurationFile
{
    /// <summary>The YAML text.</summary>
    /// <param name="socketPath">Absolute path of the socket.</param>
    /// <param name="provider">Provider name, part of what is stored.</param>
    /// <param name="apiVersion"><c>v1</c> or <c>v2</c>.</param>
    /// <param name="resources">Resources to encrypt.</param>
    /// <param name="identity">Whether values that are not encrypted can still be read.</param>
    internal static string Text(string socketPath, string provider, string apiVersion, IReadOnlyList<string> resources, bool identity)
    {
        StringBuilder text = new();
        text.Append("apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n  - resources:\n");
        foreach (string resource in resources)
        {
            text.Append("      - ").Append(Quote(resource)).Append('\n');
        }

        text.Append("    providers:\n      - kms:\n");
        text.Append("          apiVersion: ").Append(apiVersion).Append('\n');
        text.Append("          name: ").Append(Quote(provider)).Append('\n');
        text.Append("          endpoint: ").Append(Quote($"unix://{socketPath}")).Append('\n');
        text.Append("          timeout: 3s\n");
        if (identity)
        {
            text.Append("      - identity: {}\n");
        }

        return text.ToString();
    }

    private static string Quote(string text) => $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
}
