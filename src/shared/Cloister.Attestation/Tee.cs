namespace Cloister.Attestation;

/// <summary>The kind of trusted execution environment that produced the evidence.</summary>
public enum Tee
{
    /// <summary>Intel SGX enclave, DCAP ECDSA quote version 3.</summary>
    Sgx,

    /// <summary>Intel TDX trust domain, DCAP ECDSA quote version 4 or 5.</summary>
    Tdx,

    /// <summary>AMD SEV-SNP guest, attestation report version 2, 3 or 5.</summary>
    Snp,

    /// <summary>AWS Nitro enclave, COSE_Sign1 attestation document.</summary>
    Nitro,

    /// <summary>Confidential VM of Azure on SEV-SNP: the report is of the paravisor, whose vTPM vouches for the guest.</summary>
    AzureSnp,

    /// <summary>Confidential VM of Azure on TDX, likewise.</summary>
    AzureTdx,
}
