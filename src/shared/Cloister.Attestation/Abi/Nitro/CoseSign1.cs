using System.Formats.Cbor;

namespace Cloister.Attestation.Abi.Nitro;

/// <summary>
/// COSE_Sign1 (RFC 9052, section 4.2) in the one shape that Nitro's security module writes: a protected header with nothing but
/// the algorithm, an empty unprotected header (nobody signs it), an attached payload. Tag 18 is optional; AWS leaves it out.
/// </summary>
public sealed class CoseSign1
{
    /// <summary>Largest message read, in bytes.</summary>
    public const int MaximumLength = MaximumPayload + 1024;

    /// <summary>Largest payload, in bytes (AWS Nitro Enclaves, "Attestation process", section 3.1).</summary>
    public const int MaximumPayload = 16 * 1024;

    /// <summary>ES384: ECDSA P-384 with SHA-384 (RFC 9053, table 1).</summary>
    public const int Es384 = -35;

    private const ulong Tag = 18;
    private const int AlgorithmLabel = 1;
    private const int SignatureLength = 96;

    private CoseSign1(bool isTagged, ReadOnlyMemory<byte> protectedHeader, int algorithm, ReadOnlyMemory<byte> payload, int payloadOffset, ReadOnlyMemory<byte> signature)
    {
        IsTagged = isTagged;
        ProtectedHeader = protectedHeader;
        Algorithm = algorithm;
        Payload = payload;
        PayloadOffset = payloadOffset;
        Signature = signature;
    }

    /// <summary>Whether tag 18 stands before the array.</summary>
    public bool IsTagged { get; }

    /// <summary>The protected header as it was received and signed.</summary>
    public ReadOnlyMemory<byte> ProtectedHeader { get; }

    /// <summary>The algorithm the protected header names; <see cref="Es384"/> is the only one verified.</summary>
    public int Algorithm { get; }

    /// <summary>The signed content.</summary>
    public ReadOnlyMemory<byte> Payload { get; }

    /// <summary>Where the payload starts in the message.</summary>
    public int PayloadOffset { get; }

    /// <summary>The signature, r||s, 96 bytes.</summary>
    public ReadOnlyMemory<byte> Signature { get; }

    /// <summary>Reads a message that fills <paramref name="message"/> exactly.</summary>
    /// <param name="message">The message; kept, not copied.</param>
    /// <exception cref="EvidenceFormatException">It is not a COSE_Sign1 of this shape.</exception>
    public static CoseSign1 Parse(ReadOnlyMemory<byte> message)
    {
        if (message.Length > MaximumLength)
        {
            throw new EvidenceFormatException("cose_sign1", 0, $"{message.Length} bytes, at most {MaximumLength} are read");
        }

        CborFields fields = new(message, "cose_sign1");
        bool isTagged = fields.NextIsTag("tag");
        if (isTagged && fields.Tag("tag") != Tag)
        {
            throw fields.ErrorAt("tag", 0, "a tag other than 18");
        }

        if (fields.StartArray("array") is not 4)
        {
            throw fields.ErrorAt("array", 0, "not an array of four");
        }

        ReadOnlyMemory<byte> header = fields.Bytes("protected", 0, 64);
        int algorithm = ReadAlgorithm(header, fields.Offset - header.Length);
        int unprotectedAt = fields.Offset;
        fields.StartMap("unprotected");
        if (fields.HasItem("unprotected"))
        {
            throw fields.ErrorAt("unprotected", unprotectedAt, "the unprotected header is not empty");
        }

        fields.EndMap("unprotected");
        ReadOnlyMemory<byte> payload = fields.Bytes("payload", 1, MaximumPayload);
        int payloadOffset = fields.Offset - payload.Length;
        ReadOnlyMemory<byte> signature = fields.Bytes("signature", SignatureLength, SignatureLength);
        fields.EndArray("array");
        fields.End();
        return new CoseSign1(isTagged, header, algorithm, payload, payloadOffset, signature);
    }

    /// <summary>The bytes the signature covers: Sig_structure with context "Signature1" and no external data (RFC 9052, section 4.4).</summary>
    public byte[] ToBeSigned()
    {
        CborWriter writer = new(CborConformanceMode.Strict, initialCapacity: Payload.Length + 64);
        writer.WriteStartArray(4);
        writer.WriteTextString("Signature1");
        writer.WriteByteString(ProtectedHeader.Span);
        writer.WriteByteString([]);
        writer.WriteByteString(Payload.Span);
        writer.WriteEndArray();
        return writer.Encode();
    }

    private static int ReadAlgorithm(ReadOnlyMemory<byte> header, int offset)
    {
        CborFields fields = new(header, "cose_sign1.protected", offset);
        if (fields.StartMap("header") is not 1)
        {
            throw fields.ErrorAt("header", offset, "not a map with one entry");
        }

        if (fields.Integer("label") != AlgorithmLabel)
        {
            throw fields.ErrorAt("label", offset + 1, "a header parameter other than the algorithm");
        }

        int algorithm = fields.Integer("alg");
        fields.EndMap("header");
        fields.End();
        return algorithm;
    }
}
