namespace Cloister.Attestation.Certificates;

/// <summary>The public keys that TEE vendors use.</summary>
public enum PublicKeyKind
{
    /// <summary>ECDSA on NIST P-256.</summary>
    P256,

    /// <summary>ECDSA on NIST P-384.</summary>
    P384,

    /// <summary>RSA of 4096 bits.</summary>
    Rsa4096,
}
