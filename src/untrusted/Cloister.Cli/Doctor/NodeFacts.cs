using System.Text.Json;
using System.Text.Json.Nodes;

namespace Cloister.Cli.Doctor;

/// <summary>What has to be equal on all nodes of a cluster: <c>node</c> in what <c>doctor -o json</c> prints.</summary>
/// <param name="Name">The node.</param>
/// <param name="KeyIds">By which its sockets encrypt.</param>
/// <param name="ConfigurationDigest">SHA-384 of the enclave's configuration, hex; empty: not known.</param>
internal sealed record NodeFacts(string Name, IReadOnlyList<string> KeyIds, string ConfigurationDigest)
{
    internal JsonObject ToJson() => new()
    {
        ["name"] = Name,
        ["keyIds"] = new JsonArray([.. KeyIds.Select(id => (JsonNode)id)]),
        ["configurationDigest"] = ConfigurationDigest,
    };

    /// <summary>Of this node.</summary>
    internal static async Task<NodeFacts> OfAsync(DoctorScope scope)
    {
        string[] keyIds = [.. (await scope.KmsAsync()).Select(kms => kms.Status?.KeyId ?? "").Where(id => id.Length > 0).Distinct()];
        string digest;
        try
        {
            digest = Checks.ConfigurationChecks.Digest(scope);
        }
        catch (Exception e) when (e is SkippedException or IOException or UnauthorizedAccessException or FormatException)
        {
            digest = "";
        }

        return new NodeFacts(Environment.MachineName, keyIds, digest);
    }

    /// <summary>Of another node, whose answer is in a file.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    internal static NodeFacts Read(string file, string text)
    {
        try
        {
            JsonNode node = JsonNode.Parse(text)?["node"] ?? throw new FormatException($"{file} is not what 'cloister doctor -o json' prints");
            return new NodeFacts((string?)node["name"] ?? file, DoctorScope.Texts(node["keyIds"]), (string?)node["configurationDigest"] ?? "");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new FormatException($"{file} is not what 'cloister doctor -o json' prints");
        }
    }
}
