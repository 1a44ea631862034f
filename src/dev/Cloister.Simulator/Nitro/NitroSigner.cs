using System.Security.Cryptography;

namespace Cloister.Simulator.Nitro;

/// <summary>A minted enclave's key and its certificate.</summary>
public sealed class NitroSigner : IDisposable
{
    internal NitroSigner(ECDsa key, byte[] certificate)
    {
        Key = key;
        Certificate = certificate;
    }

    /// <summary>The key that signs documents.</summary>
    public ECDsa Key { get; }

    /// <summary>Its certificate, DER.</summary>
    public byte[] Certificate { get; }

    /// <inheritdoc />
    public void Dispose() => Key.Dispose();
}
