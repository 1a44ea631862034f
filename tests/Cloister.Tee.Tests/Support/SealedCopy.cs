using System.Security.Cryptography;
using Cloister.Contracts.Envelope;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Tee.Tests.Support;

/// <summary>A sealed copy with one KEK, in a folder of its own.</summary>
internal sealed class SealedCopy(SecretArena arena) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cloister-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    internal static byte[] BytesOf(SecretKey key)
    {
        byte[] bytes = new byte[SecretKey.Size];
        key.Use(bytes, static (secret, destination) => secret.TryCopyTo(destination));
        return bytes;
    }

    internal void Save(ISealer sealer)
    {
        ManualCustody custody = Custody(sealer);
        custody.Import("k", 1, SHA256.HashData([9]), activate: true);
        custody.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    /// <returns>How many KEKs it had.</returns>
    internal int Load(ISealer sealer)
    {
        ManualCustody custody = Custody(sealer);
        int count = custody.Ring.All.Count;
        custody.DisposeAsync().AsTask().GetAwaiter().GetResult();
        return count;
    }

    private ManualCustody Custody(ISealer sealer)
    {
        EnvelopeContext context = new(EnvelopeContext.KmsPurpose, "cluster-1", "cloister");
        return new ManualCustody(context, arena, new SealedKeks(Path.Combine(_folder, "keks.sealed"), context, sealer, arena));
    }
}
