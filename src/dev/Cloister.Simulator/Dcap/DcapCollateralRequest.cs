using Cloister.Attestation;

namespace Cloister.Simulator.Dcap;

/// <summary>What simulated collateral is to say.</summary>
public sealed record DcapCollateralRequest
{
    /// <summary>Which TEE it is for.</summary>
    public Tee Tee { get; init; } = Tee.Sgx;

    /// <summary>When everything was issued, unless said otherwise below.</summary>
    public required DateTimeOffset IssueDate { get; init; }

    /// <summary>When everything is due, unless said otherwise below.</summary>
    public required DateTimeOffset NextUpdate { get; init; }

    /// <summary>Dates of the PCK revocation list.</summary>
    public DateTimeOffset? CrlThisUpdate { get; init; }

    /// <summary>Dates of the PCK revocation list.</summary>
    public DateTimeOffset? CrlNextUpdate { get; init; }

    /// <summary>Dates of the root's revocation list.</summary>
    public DateTimeOffset? RootCrlThisUpdate { get; init; }

    /// <summary>Dates of the root's revocation list.</summary>
    public DateTimeOffset? RootCrlNextUpdate { get; init; }

    /// <summary>Dates of the QE identity.</summary>
    public DateTimeOffset? QeIssueDate { get; init; }

    /// <summary>Dates of the QE identity.</summary>
    public DateTimeOffset? QeNextUpdate { get; init; }

    /// <summary>Version of TCB info, 2 or 3.</summary>
    public int TcbInfoVersion { get; init; } = 3;

    /// <summary>FMSPC, when it is not to be the platform's.</summary>
    public ReadOnlyMemory<byte>? Fmspc { get; init; }

    /// <summary>PCE-ID, when it is not to be the platform's.</summary>
    public ReadOnlyMemory<byte>? PceId { get; init; }

    /// <summary>Number of the evaluation.</summary>
    public int TcbEvaluationDataNumber { get; init; } = 18;

    /// <summary>Levels, in the order in which they are written; empty: one level that the default platform reaches, UpToDate.</summary>
    public IReadOnlyList<SimulatedTcbLevel> Levels { get; init; } = [];

    /// <summary>TDX: signer in <c>tdxModule</c>, 48 bytes.</summary>
    public byte[] TdxModuleMrSigner { get; init; } = new byte[48];

    /// <summary>TDX: module identities.</summary>
    public IReadOnlyList<SimulatedTdxModule> TdxModules { get; init; } = [new SimulatedTdxModule("TDX_01", new SimulatedIsvSvnLevel(5, "UpToDate"), new SimulatedIsvSvnLevel(3, "OutOfDate", "INTEL-SA-09003"))];

    /// <summary>Identity of the quoting enclave: its id; null: QE or TD_QE as the TEE asks.</summary>
    public string? QeId { get; init; }

    /// <summary>Number of the QE identity's evaluation, when it is not that of TCB info.</summary>
    public int? QeTcbEvaluationDataNumber { get; init; }

    /// <summary>Who signs the QE identity; null: who signs TCB info.</summary>
    public DcapAuthority? QeSigner { get; init; }

    /// <summary>Signer of the quoting enclave, 32 bytes.</summary>
    public byte[] QeMrSigner { get; init; } = DcapQuoteRequest.SimulatedQeSigner;

    /// <summary>Product of the quoting enclave.</summary>
    public int QeIsvProdId { get; init; } = 1;

    /// <summary>Levels of the quoting enclave.</summary>
    public IReadOnlyList<SimulatedIsvSvnLevel> QeLevels { get; init; } = [new SimulatedIsvSvnLevel(8, "UpToDate"), new SimulatedIsvSvnLevel(4, "OutOfDate", "INTEL-SA-09001"), new SimulatedIsvSvnLevel(2, "Revoked")];

    /// <summary>Puts the PCK certificate on the list.</summary>
    public bool RevokePck { get; init; }

    /// <summary>Puts the PCK authority on the root's list.</summary>
    public bool RevokePckAuthority { get; init; }

    /// <summary>Puts the TCB signing certificate on the root's list.</summary>
    public bool RevokeTcbSigning { get; init; }

    /// <summary>Puts the certificate of <see cref="QeSigner"/> on the root's list.</summary>
    public bool RevokeQeSigner { get; init; }

    /// <summary>Gives the list of the authority that did not issue the PCK certificate.</summary>
    public bool CrlOfOtherAuthority { get; init; }

    /// <summary>Gives the PCK chain beside the quote as well.</summary>
    public bool WithPckChain { get; init; }
}
