using System.Security.Cryptography;

namespace Cloister.Simulator.Snp;

/// <summary>
/// The RSA-4096 keys of an imitated AMD: root (ARK), issuer of VCEKs (ASK) and issuer of VLEKs (ASVK). Making them takes seconds, so
/// several product lines may share them; their certificates differ all the same.
/// </summary>
public sealed class SnpAuthorityKeys : IDisposable
{
    private const int KeyBits = 4096;

    private SnpAuthorityKeys(RSA ark, RSA ask, RSA asvk)
    {
        Ark = ark;
        Ask = ask;
        Asvk = asvk;
    }

    /// <summary>Root key.</summary>
    public RSA Ark { get; }

    /// <summary>Signs VCEK certificates.</summary>
    public RSA Ask { get; }

    /// <summary>Signs VLEK certificates.</summary>
    public RSA Asvk { get; }

    /// <summary>Makes new keys.</summary>
    public static SnpAuthorityKeys Create() => new(RSA.Create(KeyBits), RSA.Create(KeyBits), RSA.Create(KeyBits));

    /// <inheritdoc />
    public void Dispose()
    {
        Ark.Dispose();
        Ask.Dispose();
        Asvk.Dispose();
    }
}
