using System.Security.Cryptography;
using System.Text;

namespace Cloister.Broker.State.Policies;

/// <summary>One version of a policy.</summary>
/// <param name="Name">The policy's name.</param>
/// <param name="Version">From 1.</param>
/// <param name="Yaml">The text as it was given.</param>
/// <param name="Digest">SHA-256 of the text in UTF-8, lower-case hex.</param>
/// <param name="UpdatedAt">When this version was set.</param>
/// <param name="UpdatedBy">Who set it.</param>
public sealed record PolicyRecord(string Name, int Version, string Yaml, string Digest, DateTimeOffset UpdatedAt, string UpdatedBy)
{
    /// <summary>The digest of a text.</summary>
    public static string DigestOf(string yaml) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(yaml)));
}
