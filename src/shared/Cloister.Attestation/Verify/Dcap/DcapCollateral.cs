namespace Cloister.Attestation.Verify.Dcap;

/// <summary>What Intel publishes about a platform, as fetched: nothing in it is believed before it is verified. File names are those of a collateral directory.</summary>
public sealed record DcapCollateral
{
    /// <summary>TCB info, JSON as received (<c>tcb_info.json</c>).</summary>
    public required ReadOnlyMemory<byte> TcbInfo { get; init; }

    /// <summary>Identity of the quoting enclave, JSON as received (<c>qe_identity.json</c>).</summary>
    public required ReadOnlyMemory<byte> QeIdentity { get; init; }

    /// <summary>TCB signing certificate of TCB info and root, PEM (<c>tcb_signing_chain.pem</c>).</summary>
    public required ReadOnlyMemory<byte> TcbSigningChain { get; init; }

    /// <summary>The same of the QE identity, when another certificate signed it than TCB info (<c>qe_identity_chain.pem</c>); empty: <see cref="TcbSigningChain"/>.</summary>
    public ReadOnlyMemory<byte> QeIdentityChain { get; init; }

    /// <summary>Revocation list of the Processor or Platform CA, DER (<c>pck_crl.der</c>).</summary>
    public required ReadOnlyMemory<byte> PckCrl { get; init; }

    /// <summary>The authority that issued <see cref="PckCrl"/> and the root, PEM (<c>pck_crl_issuer_chain.pem</c>).</summary>
    public required ReadOnlyMemory<byte> PckCrlIssuerChain { get; init; }

    /// <summary>Revocation list of the root, DER (<c>root_ca_crl.der</c>).</summary>
    public required ReadOnlyMemory<byte> RootCaCrl { get; init; }

    /// <summary>PCK certificate, its authority and the root, PEM, for quotes that do not carry them (<c>pck_chain.pem</c>); empty otherwise.</summary>
    public ReadOnlyMemory<byte> PckChain { get; init; }
}
