using System.Buffers.Text;
using Cloister.Attestation.Abi;

namespace Cloister.Attestation.Certificates;

/// <summary>Certificates in PEM (RFC 7468, strict): blocks in order, nothing but white space between them. NUL bytes may follow the last one (quotes end so).</summary>
public static class PemCertificates
{
    /// <summary>How many certificates are read at most; chains of vendors have at most 6.</summary>
    public const int MaximumCount = 10;

    private static ReadOnlySpan<byte> Begin => "-----BEGIN CERTIFICATE-----"u8;

    private static ReadOnlySpan<byte> End => "-----END CERTIFICATE-----"u8;

    /// <summary>Reads all certificates of <paramref name="pem"/>.</summary>
    /// <exception cref="EvidenceFormatException">Anything else than certificates, none, more than <see cref="MaximumCount"/>, or one that is malformed.</exception>
    public static IReadOnlyList<Certificate> Parse(ReadOnlySpan<byte> pem)
    {
        List<Certificate> certificates = [];
        ReadOnlySpan<byte> rest = pem.TrimEnd((byte)0);
        while (true)
        {
            rest = rest.TrimStart(" \t\r\n"u8);
            int offset = pem.Length - rest.Length;
            if (rest.IsEmpty)
            {
                return certificates.Count > 0 ? certificates : throw new EvidenceFormatException("pem", 0, "no certificate");
            }

            if (certificates.Count == MaximumCount)
            {
                throw new EvidenceFormatException("pem", offset, $"more than {MaximumCount} certificates");
            }

            if (!rest.StartsWith(Begin))
            {
                throw new EvidenceFormatException("pem", offset, "expected BEGIN CERTIFICATE");
            }

            rest = rest[Begin.Length..];
            int end = rest.IndexOf(End);
            if (end < 0 || end > 2 * Certificate.MaximumLength)
            {
                throw new EvidenceFormatException("pem", offset, "no END CERTIFICATE");
            }

            certificates.Add(Certificate.Parse(Decode(rest[..end], offset)));
            rest = rest[(end + End.Length)..];
        }
    }

    /// <summary>One certificate, in DER or in PEM.</summary>
    /// <exception cref="EvidenceFormatException">It is neither, or more than one.</exception>
    public static Certificate ParseOne(ReadOnlyMemory<byte> bytes)
    {
        if (!bytes.Span.TrimStart(" \t\r\n"u8).StartsWith("-----"u8))
        {
            return Certificate.Parse(bytes);
        }

        IReadOnlyList<Certificate> all = Parse(bytes.Span);
        return all.Count == 1 ? all[0] : throw new EvidenceFormatException("pem", 0, $"{all.Count} certificates where one belongs");
    }

    private static byte[] Decode(ReadOnlySpan<byte> base64, int offset)
    {
        byte[] buffer = new byte[Base64.GetMaxDecodedFromUtf8Length(base64.Length)];
        return Base64.DecodeFromUtf8(base64, buffer, out _, out int written) == System.Buffers.OperationStatus.Done
            ? buffer[..written]
            : throw new EvidenceFormatException("pem", offset, "not base64");
    }
}
