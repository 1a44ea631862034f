namespace Cloister.Attestation.Abi.Dcap;

/// <summary>The 48-byte header of a DCAP quote (Intel SGX ECDSA Quote Library Reference, A.4; Intel TDX DCAP Quote Generation Library Reference, A.3.1).</summary>
public sealed class QuoteHeader
{
    /// <summary>Length in bytes.</summary>
    public const int Length = 48;

    /// <summary>TEE type of SGX.</summary>
    public const uint SgxTeeType = 0;

    /// <summary>TEE type of TDX.</summary>
    public const uint TdxTeeType = 0x81;

    private const ushort EcdsaP384 = 3;

    private QuoteHeader()
    {
    }

    /// <summary>Version of the quote: 3, 4 or 5.</summary>
    public ushort Version { get; private init; }

    /// <summary>Attestation key type; 2 is ECDSA P-256, the only one accepted.</summary>
    public ushort AttestationKeyType { get; private init; }

    /// <summary><see cref="SgxTeeType"/> or <see cref="TdxTeeType"/>.</summary>
    public uint TeeType { get; private init; }

    /// <summary>Security version of the quoting enclave; version 3 only, else 0.</summary>
    public ushort QeSvn { get; private init; }

    /// <summary>Security version of the provisioning certification enclave; version 3 only, else 0.</summary>
    public ushort PceSvn { get; private init; }

    /// <summary>Who made the quoting enclave, 16 bytes.</summary>
    public ReadOnlyMemory<byte> QeVendorId { get; private init; }

    /// <summary>Of the quoting enclave's choice, 20 bytes; the first 16 identify the QE.</summary>
    public ReadOnlyMemory<byte> UserData { get; private init; }

    internal static QuoteHeader Read(ReadOnlyMemory<byte> quote)
    {
        FieldReader reader = new(quote.Span, "quote.header");
        ushort version = reader.U16("version");
        if (!EvidenceVersions.Quote.Contains(version))
        {
            throw reader.UnknownVersion("version", 2, version, EvidenceVersions.Quote);
        }

        ushort keyType = reader.U16("attestation_key_type");
        if (keyType != 2)
        {
            throw keyType == EcdsaP384
                ? EvidenceFormatException.Unsupported("quote.header.attestation_key_type", 2, $"{keyType} (ECDSA P-384), only 2 (ECDSA P-256) is accepted")
                : reader.ErrorBefore("attestation_key_type", 2, $"{keyType}, only 2 (ECDSA P-256) is accepted");
        }

        uint teeType = reader.U32("tee_type");
        if (teeType != SgxTeeType && (teeType != TdxTeeType || version == 3))
        {
            throw reader.ErrorBefore("tee_type", 4, $"0x{teeType:x8} in a version {version} quote");
        }

        // Version 4 and 5: two reserved fields, which QvL does not look at either.
        ushort qeSvn = reader.U16("qe_svn");
        ushort pceSvn = reader.U16("pce_svn");
        reader.Bytes("qe_vendor_id", 16);
        reader.Bytes("user_data", 20);
        return new QuoteHeader
        {
            Version = version,
            AttestationKeyType = keyType,
            TeeType = teeType,
            QeSvn = version == 3 ? qeSvn : (ushort)0,
            PceSvn = version == 3 ? pceSvn : (ushort)0,
            QeVendorId = quote.Slice(12, 16),
            UserData = quote.Slice(28, 20),
        };
    }
}
