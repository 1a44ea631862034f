using System.Buffers;
using System.Security.Cryptography;
using Cloister.Attestation.Abi;

namespace Cloister.Attestation.Binding;

/// <summary>
/// What an attester binds into its report data under the KBS protocol 0.4.0 of Confidential Containers: the relying party's nonce, the key that secrets are to be encrypted to, and
/// additional evidence. The digest is SHA-384 of the canonical JSON of all three.
/// </summary>
public sealed class RuntimeData
{
    /// <summary>Length of <see cref="Digest"/>.</summary>
    public const int DigestLength = 48;

    /// <summary>Length of the report data of SGX, TDX and SNP.</summary>
    public const int ReportDataLength = 64;

    /// <summary>Binds these values.</summary>
    /// <param name="nonce">As the relying party wrote it (base64).</param>
    /// <param name="teePublicKey">The key as a JSON object (a JWK), in any form.</param>
    /// <param name="additionalEvidence">Evidence of further devices as text; empty when there is none. Null for the evidence of a further device itself, which binds nonce and key only.</param>
    /// <exception cref="EvidenceFormatException"><paramref name="teePublicKey"/> is not a JSON object.</exception>
    public RuntimeData(string nonce, ReadOnlyMemory<byte> teePublicKey, string? additionalEvidence = "")
    {
        ArgumentNullException.ThrowIfNull(nonce);
        byte[] key = CanonicalJson.Canonicalize(teePublicKey);
        if (key[0] != (byte)'{')
        {
            throw new EvidenceFormatException("tee-pubkey", 0, "not a JSON object");
        }

        ArrayBufferWriter<byte> output = new();
        output.Write("{"u8);
        if (additionalEvidence is not null)
        {
            output.Write("\"additional-evidence\":"u8);
            CanonicalJson.WriteString(additionalEvidence, output);
            output.Write(","u8);
        }

        output.Write("\"nonce\":"u8);
        CanonicalJson.WriteString(nonce, output);
        output.Write(",\"tee-pubkey\":"u8);
        output.Write(key);
        output.Write("}"u8);
        Canonical = output.WrittenSpan.ToArray();
        Digest = SHA384.HashData(Canonical.Span);
    }

    /// <summary>The canonical JSON.</summary>
    public ReadOnlyMemory<byte> Canonical { get; }

    /// <summary>SHA-384 of <see cref="Canonical"/>, 48 bytes.</summary>
    public ReadOnlyMemory<byte> Digest { get; }

    /// <summary>The 64 bytes of report data: the digest, then 16 zeros.</summary>
    public ReadOnlyMemory<byte> ReportData => PadReportData(Digest.Span);

    /// <summary>A digest of exactly 48 or 64 bytes as report data. Any other length is an error: padding what is short or cutting what is long binds something else than was meant.</summary>
    public static byte[] PadReportData(ReadOnlySpan<byte> digest)
    {
        if (digest.Length is not (DigestLength or ReportDataLength))
        {
            throw new ArgumentException($"A digest of {digest.Length} bytes does not go into report data; 48 or 64 do.", nameof(digest));
        }

        byte[] reportData = new byte[ReportDataLength];
        digest.CopyTo(reportData);
        return reportData;
    }

    /// <summary>Whether <paramref name="reportData"/> is exactly this binding's, in constant time. Shorter or longer data is not.</summary>
    public bool Binds(ReadOnlySpan<byte> reportData) => CryptographicOperations.FixedTimeEquals(reportData, ReportData.Span);
}
