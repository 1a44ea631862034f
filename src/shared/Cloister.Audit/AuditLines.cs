using System.Security.Cryptography;
using System.Text.Json;

namespace Cloister.Audit;

/// <summary>
/// An audit log as JSON lines, to be kept and checked without a database (docs/audit-log.md): authority, edge, pruned entries, entries, checkpoints.
/// <c>details</c> is a string, so that its bytes stay as hashed; octets are base64. secrets: none.
/// </summary>
public static class AuditLines
{
    /// <summary>The text of a line, without its end.</summary>
    public static string Write(AuditLine line) => JsonSerializer.Serialize(line, AuditJson.Default.AuditLine);

    /// <summary>Reads a line.</summary>
    /// <param name="text">The text.</param>
    /// <param name="number">Its number, for the message.</param>
    /// <exception cref="FormatException">It is none.</exception>
    public static AuditLine Parse(string text, int number)
    {
        AuditLine? line = null;
        try
        {
            line = JsonSerializer.Deserialize(text, AuditJson.Default.AuditLine);
        }
        catch (JsonException)
        {
            // Said below.
        }

        return line is not null && new object?[] { line.Authority, line.Edge, line.Pruned, line.Entry, line.Checkpoint }.Count(part => part is not null) == 1
            ? line
            : throw new FormatException($"line {number} is no line of an audit log: neither entry nor checkpoint nor authority");
    }

    /// <summary>Checks an exported log against the pin of the authority; the log says which keys there are, and the authority has signed that.</summary>
    /// <param name="lines">The lines; gone through more than once.</param>
    /// <param name="pin"><c>sha256:</c> and base64 of SHA-256 of the SubjectPublicKeyInfo.</param>
    /// <param name="first">The first entry there is to be: more than 1 for a part of a log.</param>
    /// <param name="kept">Lines with checkpoints that were kept elsewhere.</param>
    /// <param name="claims">What else is known of the log.</param>
    /// <exception cref="FormatException">A line is none, or no authority of that pin is named.</exception>
    public static AuditVerdict Verify(IEnumerable<string> lines, string pin, long first, IEnumerable<string>? kept = null, IEnumerable<AuditClaim>? claims = null)
    {
        NoteKey key = KeyOf(lines, pin);
        IEnumerable<AuditCheckpoint> checkpoints = Read(lines).Concat(Read(kept ?? [])).Where(line => line.Checkpoint is not null).Select(line => AuditCheckpoint.Parse(line.Checkpoint!));
        return AuditVerifier.Verify(Read(lines), checkpoints, key, first, claims);
    }

    /// <summary>Number of the first entry that an export begins with.</summary>
    /// <exception cref="FormatException">A line is none.</exception>
    public static long FirstOf(IEnumerable<string> lines) => Read(lines).Select(line => line.Edge).FirstOrDefault(edge => edge is not null)?.Size + 1 ?? 1;

    /// <summary>The key of checkpoints that an authority vouches for.</summary>
    /// <exception cref="FormatException">There is none of that pin, or it did not sign that.</exception>
    public static NoteKey KeyOf(IEnumerable<string> lines, string pin)
    {
        AuditAuthority authority = Read(lines).Select(line => line.Authority).OfType<AuditAuthority>().FirstOrDefault(one => PinOf(one.PublicKey) == pin)
            ?? throw new FormatException($"the log names no authority whose pin is {pin}: it is another broker's, or the line was changed");
        using ECDsa publicKey = ECDsa.Create();
        try
        {
            publicKey.ImportSubjectPublicKeyInfo(authority.PublicKey, out _);
        }
        catch (CryptographicException)
        {
            throw new FormatException("the authority's key is not an ECDSA key");
        }

        return publicKey.KeySize == 256 && publicKey.VerifyData(AuditEncoding.CheckpointKeyMessage(authority.CheckpointKey), authority.Signature, HashAlgorithmName.SHA256)
            ? NoteKey.Parse(authority.CheckpointKey)
            : throw new FormatException("the authority did not sign that key of checkpoints");
    }

    private static string PinOf(byte[] key) => "sha256:" + Convert.ToBase64String(SHA256.HashData(key));

    private static IEnumerable<AuditLine> Read(IEnumerable<string> lines) => lines.Select((text, index) => Parse(text, index + 1));
}
