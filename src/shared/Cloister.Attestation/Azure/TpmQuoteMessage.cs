using System.Buffers.Binary;
using Cloister.Attestation.Abi;

namespace Cloister.Attestation.Azure;

/// <summary>
/// What a TPM signed to quote registers: TPMS_ATTEST with TPMS_QUOTE_INFO (TPM 2.0 Library, part 2, 10.12.8 and 10.12.1), big-endian. One bank, SHA-256, and at
/// least one register of it: a quote over nothing says nothing.
/// </summary>
public sealed class TpmQuoteMessage
{
    /// <summary>Largest message read, in bytes: TPM2B_ATTEST's content with the longest names and data.</summary>
    public const int MaximumLength = 512;

    private const string Structure = "tpm_quote";
    private const uint Generated = 0xFF544347;
    private const ushort AttestQuote = 0x8018;
    private const ushort Sha256 = 0x000B;
    private const int DigestLength = 32;

    private TpmQuoteMessage()
    {
    }

    /// <summary>Name of the signing key and of those above it. It says nothing that the signature does not.</summary>
    public ReadOnlyMemory<byte> QualifiedSigner { get; private init; }

    /// <summary>What the caller gave to be signed along: <c>qualifyingData</c> of TPM2_Quote.</summary>
    public ReadOnlyMemory<byte> QualifyingData { get; private init; }

    /// <summary>Milliseconds that the TPM has run.</summary>
    public ulong Clock { get; private init; }

    /// <summary>How often the TPM was reset: once for each start of the VM.</summary>
    public uint ResetCount { get; private init; }

    /// <summary>How often it was restarted or resumed since.</summary>
    public uint RestartCount { get; private init; }

    /// <summary>Version of the TPM's firmware.</summary>
    public ulong FirmwareVersion { get; private init; }

    /// <summary>Which registers were quoted, ascending, 0 to 23.</summary>
    public IReadOnlyList<int> Registers { get; private init; } = [];

    /// <summary>SHA-256 of the registers, one behind the other.</summary>
    public ReadOnlyMemory<byte> PcrDigest { get; private init; }

    /// <summary>Reads a message.</summary>
    /// <param name="message">What was signed; kept, not copied.</param>
    /// <exception cref="EvidenceFormatException">It is something else than a quote of the SHA-256 bank.</exception>
    public static TpmQuoteMessage Parse(ReadOnlyMemory<byte> message)
    {
        if (message.Length > MaximumLength)
        {
            throw new EvidenceFormatException(Structure, 0, $"{message.Length} bytes, at most {MaximumLength} are read");
        }

        FieldReader reader = new(message.Span, Structure);
        if (BinaryPrimitives.ReadUInt32BigEndian(reader.Bytes("magic", 4)) != Generated)
        {
            throw reader.ErrorBefore("magic", 4, "not what a TPM generates");
        }

        ushort type = U16(ref reader, "type");
        if (type != AttestQuote)
        {
            throw reader.ErrorBefore("type", 2, $"0x{type:x4}, a quote is 0x{AttestQuote:x4}");
        }

        ReadOnlyMemory<byte> signer = Sized(ref reader, "qualifiedSigner", message, 2 + 64);
        ReadOnlyMemory<byte> data = Sized(ref reader, "extraData", message, 2 + 64);
        ulong clock = BinaryPrimitives.ReadUInt64BigEndian(reader.Bytes("clock", 8));
        uint resets = BinaryPrimitives.ReadUInt32BigEndian(reader.Bytes("resetCount", 4));
        uint restarts = BinaryPrimitives.ReadUInt32BigEndian(reader.Bytes("restartCount", 4));
        if (reader.U8("safe") > 1)
        {
            throw reader.ErrorBefore("safe", 1, "neither yes nor no");
        }

        ulong firmware = BinaryPrimitives.ReadUInt64BigEndian(reader.Bytes("firmwareVersion", 8));
        IReadOnlyList<int> registers = ReadSelection(ref reader);
        ReadOnlyMemory<byte> digest = Sized(ref reader, "pcrDigest", message, DigestLength);
        if (digest.Length != DigestLength)
        {
            throw reader.Error("pcrDigest", $"{digest.Length} bytes, SHA-256 has {DigestLength}");
        }

        reader.End("attest");
        return new TpmQuoteMessage
        {
            QualifiedSigner = signer, QualifyingData = data, Clock = clock, ResetCount = resets, RestartCount = restarts, FirmwareVersion = firmware, Registers = registers, PcrDigest = digest,
        };
    }

    /// <summary>TPML_PCR_SELECTION.</summary>
    private static List<int> ReadSelection(ref FieldReader reader)
    {
        uint banks = BinaryPrimitives.ReadUInt32BigEndian(reader.Bytes("pcrSelect.count", 4));
        if (banks != 1)
        {
            throw reader.ErrorBefore("pcrSelect.count", 4, $"{banks} banks, expected one");
        }

        ushort bank = U16(ref reader, "pcrSelect.hash");
        if (bank != Sha256)
        {
            throw reader.ErrorBefore("pcrSelect.hash", 2, $"bank 0x{bank:x4}, expected SHA-256 (0x{Sha256:x4})");
        }

        if (reader.U8("pcrSelect.sizeofSelect") != 3)
        {
            throw reader.ErrorBefore("pcrSelect.sizeofSelect", 1, "not 3 bytes, which 24 registers have");
        }

        ReadOnlySpan<byte> bits = reader.Bytes("pcrSelect.pcrSelect", 3);
        List<int> registers = [];
        for (int i = 0; i < 24; i++)
        {
            if ((bits[i / 8] >> (i % 8) & 1) != 0)
            {
                registers.Add(i);
            }
        }

        return registers.Count > 0 ? registers : throw reader.ErrorBefore("pcrSelect.pcrSelect", 3, "a quote over no register");
    }

    private static ushort U16(ref FieldReader reader, string field) => BinaryPrimitives.ReadUInt16BigEndian(reader.Bytes(field, 2));

    private static ReadOnlyMemory<byte> Sized(ref FieldReader reader, string field, ReadOnlyMemory<byte> message, int maximum)
    {
        int length = U16(ref reader, field);
        if (length > maximum)
        {
            throw reader.ErrorBefore(field, 2, $"{length} bytes, at most {maximum} are possible");
        }

        reader.Bytes(field, length);
        return message.Slice(reader.Position - length, length);
    }
}
