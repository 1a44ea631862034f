using System.Security.Cryptography;

namespace Cloister.Simulator.Snp;

/// <summary>A minted VCEK or VLEK: the key and its certificate.</summary>
public sealed class SnpEndorsement : IDisposable
{
    internal SnpEndorsement(ECDsa key, byte[] certificate)
    {
        Key = key;
        Certificate = certificate;
    }

    /// <summary>The key that signs reports.</summary>
    public ECDsa Key { get; }

    /// <summary>Its certificate, DER.</summary>
    public byte[] Certificate { get; }

    /// <inheritdoc />
    public void Dispose() => Key.Dispose();
}
