using System.Security.Cryptography;
using System.Text.Json;

namespace Cloister.Audit;

/// <summary>
/// An audit log as JSON lines, to be kept and checked without a database: <c>{"authority":{"publicKey"}}</c>,
/// <c>{"entry":{"seq","time","kind","details","previous","hash"}}</c> and <c>{"checkpoint":{"seq","hash","time","signature"}}</c>; details is a
/// string, so that its bytes stay as hashed; octets are base64. secrets: none.
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

        return line is not null && new object?[] { line.Authority, line.Entry, line.Checkpoint }.Count(part => part is not null) == 1
            ? line
            : throw new FormatException($"line {number} is neither an audit entry nor a checkpoint nor an authority");
    }

    /// <summary>Checks an exported log that is all there is, against a key.</summary>
    /// <param name="lines">The lines; gone through twice.</param>
    /// <param name="publicKey">Of who signed the checkpoints.</param>
    /// <exception cref="FormatException">A line is none; the message names its number.</exception>
    public static AuditVerdict Verify(IEnumerable<string> lines, ECDsa publicKey) => Verify(lines, publicKey, 1);

    /// <summary>Checks an exported log against the pin of the authority; the log says which key that is.</summary>
    /// <param name="lines">The lines; gone through more than once.</param>
    /// <param name="pin"><c>sha256:</c> and base64 of SHA-256 of the SubjectPublicKeyInfo.</param>
    /// <param name="first">The first entry there is to be: more than 1 for a part of a log.</param>
    /// <exception cref="FormatException">A line is none, or no authority of that pin is named.</exception>
    public static AuditVerdict Verify(IEnumerable<string> lines, string pin, long first)
    {
        byte[] key = Read(lines).Select(line => line.Authority?.PublicKey).OfType<byte[]>().FirstOrDefault(key => PinOf(key) == pin)
            ?? throw new FormatException($"the log names no authority whose pin is {pin}: it is another broker's, or the line was changed");
        using ECDsa publicKey = ECDsa.Create();
        try
        {
            publicKey.ImportSubjectPublicKeyInfo(key, out _);
        }
        catch (CryptographicException)
        {
            throw new FormatException("the authority's key is not an ECDSA key");
        }

        return Verify(lines, publicKey, first);
    }

    private static AuditVerdict Verify(IEnumerable<string> lines, ECDsa publicKey, long first) => AuditVerifier.Verify(
        Read(lines).Select(line => line.Entry).OfType<AuditEntry>(), Read(lines).Select(line => line.Checkpoint).OfType<AuditCheckpoint>(), publicKey, first);

    private static string PinOf(byte[] key) => "sha256:" + Convert.ToBase64String(SHA256.HashData(key));

    private static IEnumerable<AuditLine> Read(IEnumerable<string> lines) => lines.Select((text, index) => Parse(text, index + 1));
}
