namespace Cloister.Enclave.Tees.Sgx;

/// <summary>Who can open what an SGX enclave sealed. secrets: none.</summary>
public enum SealTo
{
    /// <summary>Enclaves of the same measurement (MRENCLAVE).</summary>
    Enclave,

    /// <summary>Enclaves of the same signer, product and security version (MRSIGNER): a new build opens what the old one sealed.</summary>
    Signer,
}
