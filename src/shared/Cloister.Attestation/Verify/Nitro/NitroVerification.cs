using Cloister.Attestation.Abi.Nitro;
using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Nitro;

/// <summary>What the steps of one verification share: the inputs, then what the steps found. A step reads only what an earlier one set.</summary>
internal sealed class NitroVerification
{
    public required ReadOnlyMemory<byte> Evidence { get; init; }

    public required TrustAnchors Anchors { get; init; }

    public required VerificationTime Time { get; init; }

    public required NitroTimeLimits Limits { get; init; }

    public required IReadOnlyList<RevocationList> RevocationLists { get; init; }

    public VerifiedSignatures? Verified { get; init; }

    /// <summary>Set by <see cref="NitroDocumentFormatStep"/>.</summary>
    public CoseSign1 Message { get; set; } = null!;

    /// <summary>Set by <see cref="NitroDocumentFormatStep"/>.</summary>
    public NitroDocument Document { get; set; } = null!;

    /// <summary>Set by <see cref="NitroTimestampStep"/>: when the document says it was made.</summary>
    public DateTimeOffset MadeAt { get; set; }

    /// <summary>Set by <see cref="NitroCertificateChainStep"/>: the enclave's certificate first, the pinned root last.</summary>
    public IReadOnlyList<Certificate> Chain { get; set; } = [];

    /// <summary>The certificate whose key is to have signed the document.</summary>
    public Certificate Signer => Chain[0];
}
