namespace Cloister.Attestation.Certificates;

/// <summary>The signature schemes that TEE vendors use; nothing else is accepted.</summary>
public enum SignatureScheme
{
    /// <summary>ECDSA with SHA-256 (Intel), P-256.</summary>
    EcdsaSha256,

    /// <summary>ECDSA with SHA-384 (AWS, AMD reports), P-384.</summary>
    EcdsaSha384,

    /// <summary>RSASSA-PSS with SHA-384, MGF1 SHA-384, salt of 48 bytes (AMD certificates).</summary>
    RsaPssSha384,
}
