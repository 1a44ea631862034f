using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Dcap;

/// <summary>What the steps of one DCAP verification share. Earlier steps fill what later ones use; the order of the steps is the order of trust.</summary>
internal sealed class DcapContext
{
    private DcapQuote? _quote;
    private DcapEndorsements? _endorsements;
    private IReadOnlyList<Certificate>? _pckChain;
    private PckExtension? _pck;
    private IsvSvnLevel? _qeLevel;
    private DcapTcb? _tcb;

    public required Tee Tee { get; init; }

    public required ReadOnlyMemory<byte> QuoteBytes { get; init; }

    public required TrustAnchors Anchors { get; init; }

    public required VerificationTime Time { get; init; }

    /// <summary>Null when the collateral was verified before.</summary>
    public DcapCollateral? Collateral { get; init; }

    public DcapQuote Quote
    {
        get => _quote ?? throw new InvalidOperationException("The quote has not been read.");
        set => _quote = value;
    }

    public DcapEndorsements Endorsements
    {
        get => _endorsements ?? throw new InvalidOperationException("The collateral has not been read.");
        set => _endorsements = value;
    }

    public bool HasEndorsements => _endorsements is not null;

    /// <summary>Leaf, authority, root.</summary>
    public IReadOnlyList<Certificate> PckChain
    {
        get => _pckChain ?? throw new InvalidOperationException("The PCK chain has not been verified.");
        set => _pckChain = value;
    }

    public bool HasPckChain => _pckChain is not null;

    public PckExtension Pck
    {
        get => _pck ?? throw new InvalidOperationException("The PCK certificate has not been read.");
        set => _pck = value;
    }

    public TdxModule? TdxModuleIdentity { get; set; }

    public IsvSvnLevel QeLevel
    {
        get => _qeLevel ?? throw new InvalidOperationException("The quoting enclave has not been matched.");
        set => _qeLevel = value;
    }

    public DcapTcb Tcb
    {
        get => _tcb ?? throw new InvalidOperationException("The TCB level has not been selected.");
        set => _tcb = value;
    }
}
