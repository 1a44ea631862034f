namespace Cloister.Attestation.Abi.Dcap;

/// <summary>TCB info of the PCS API, version 2 (SGX) or 3 (SGX or TDX): which security versions a platform of one FMSPC should have. Signed by Intel's TCB signing key.</summary>
public sealed class TcbInfo
{
    internal TcbInfo()
    {
    }

    /// <summary>The bytes that are signed: the inner object as received.</summary>
    public ReadOnlyMemory<byte> SignedBytes { get; internal init; }

    /// <summary>ECDSA P-256, r || s.</summary>
    public ReadOnlyMemory<byte> Signature { get; internal init; }

    /// <summary>2 or 3.</summary>
    public int Version { get; internal set; }

    /// <summary>Which TEE it is for; version 2 is for SGX only.</summary>
    public Tee Tee { get; internal set; }

    /// <summary>When it was issued.</summary>
    public DateTimeOffset IssueDate { get; internal set; }

    /// <summary>When the next one is due.</summary>
    public DateTimeOffset NextUpdate { get; internal set; }

    /// <summary>Which platforms it is for, 6 bytes.</summary>
    public ReadOnlyMemory<byte> Fmspc { get; internal set; }

    /// <summary>Which provisioning certification enclave it is for, 2 bytes.</summary>
    public ReadOnlyMemory<byte> PceId { get; internal set; }

    /// <summary>Grows with every evaluation at Intel.</summary>
    public int TcbEvaluationDataNumber { get; internal set; }

    /// <summary>The TDX module of version 0; null for SGX.</summary>
    public TdxModule? TdxModule { get; internal set; }

    /// <summary>TDX modules of other versions.</summary>
    public IReadOnlyList<TdxModule> TdxModuleIdentities { get; internal set; } = [];

    /// <summary>Levels, highest first.</summary>
    public IReadOnlyList<TcbLevel> Levels { get; internal set; } = [];

    /// <summary>Reads a body of the PCS API.</summary>
    /// <exception cref="EvidenceFormatException">It is not exactly as specified.</exception>
    public static TcbInfo Parse(ReadOnlyMemory<byte> utf8) => TcbInfoReader.Read(utf8);

    /// <summary>The module identity for <paramref name="version"/> (TEE_TCB_SVN[1]), by the name <c>TDX_</c> and two hex digits of either case; null when there is none.</summary>
    public TdxModule? FindTdxModuleIdentity(byte version)
    {
        string id = $"TDX_{version:X2}";
        foreach (TdxModule module in TdxModuleIdentities)
        {
            if (string.Equals(module.Id, id, StringComparison.OrdinalIgnoreCase))
            {
                return module;
            }
        }

        return null;
    }
}
