using System.Security.Cryptography;
using System.Text;
using Cloister.Cli.Etcd;
using Cloister.Cli.Offline;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Etcd;
using Cloister.Contracts.StoredValues;
using Google.Protobuf;

namespace Cloister.Cli.Demo;

/// <summary>A stored Secret and the keys under it, worked out with its KEK from what etcd holds. secrets: the keys.</summary>
/// <param name="Key">The etcd key.</param>
/// <param name="Value">What etcd holds.</param>
/// <param name="Seed">What its EDEK protects.</param>
/// <param name="Dek">The key of this one value.</param>
/// <param name="WrappingKey">The key that encrypts the seed, derived from the KEK for this EDEK.</param>
internal sealed record StoredSecret(string Key, byte[] Value, byte[] Seed, byte[] Dek, byte[] WrappingKey)
{
    private const int InfoSize = 32;

    /// <summary>Every Secret that etcd holds.</summary>
    /// <param name="etcd">etcd, or a gateway in front of it.</param>
    /// <param name="cancellation">Gives up.</param>
    internal static async Task<IReadOnlyList<(string Key, byte[] Value)>> ListAsync(EtcdClient etcd, CancellationToken cancellation)
    {
        List<(string, byte[])> all = [];
        void Add(KeyValue found) => all.Add((found.Key.ToStringUtf8(), found.Value.ToByteArray()));
        await etcd.ScanAsync(ByteString.CopyFromUtf8("/registry/secrets/"), EtcdClient.DefaultPageSize, Add, cancellation);
        return all;
    }

    /// <summary>Opens one.</summary>
    /// <exception cref="CryptographicException">The KEK does not open it.</exception>
    internal static StoredSecret Open(byte[] kek, EnvelopeContext context, string key, byte[] value)
    {
        EncryptedObject body = EncryptedObject.Parse(StoredValue.Parse(value).Body);
        byte[] edek = body.Edek.ToArray();
        byte[] seed = OfflineEdek.Plaintext(kek, context, edek);
        byte[] dek = HKDF.Expand(HashAlgorithmName.SHA256, seed, seed.Length, body.Data[..InfoSize].ToArray());
        return new StoredSecret(key, value, seed, dek, OfflineEdek.Dek(kek, context, edek));
    }

    /// <summary>What it protects; empty when that does not open.</summary>
    internal byte[] Plaintext(byte[] kek, EnvelopeContext context) => OfflineStoredValue.Open([kek], context, Encoding.UTF8.GetBytes(Key), Value) ?? [];
}
