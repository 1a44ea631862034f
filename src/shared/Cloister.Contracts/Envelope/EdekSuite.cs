namespace Cloister.Contracts.Envelope;

/// <summary>How the payload of an EDEK is protected.</summary>
public enum EdekSuite
{
    /// <summary>XAES-256-GCM under a KEK that the enclave holds.</summary>
    Kek = 1,

    /// <summary>XAES-256-GCM under a DEK that the enclave made and a remote KMS wrapped; the wrapped DEK travels in front.</summary>
    RemoteDek = 2,

    /// <summary>The ciphertext of a remote KMS as it came.</summary>
    Remote = 3,
}
