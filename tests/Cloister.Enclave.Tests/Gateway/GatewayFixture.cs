using System.Buffers;
using Cloister.Contracts.Keys;
using Cloister.Contracts.StoredValues;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Custody.Values;
using Cloister.Enclave.Gateway;
using Cloister.Enclave.Keys.Envelope;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Gateway;

/// <summary>A gateway's rewriter over a custody with one KEK.</summary>
internal sealed class GatewayFixture : IDisposable
{
    internal GatewayFixture(PlaintextMode mode = PlaintextMode.Sealed, SeedOptions? options = null, TimeProvider? time = null, KekRules? keks = null)
    {
        Custody = TestKeys.Custody(Arena, keks: keks);
        Seeds = new SeedStore(Custody, Arena, options ?? SeedOptions.Default, time ?? TimeProvider.System, keks);
        Values = new StockKmsV2Values(Seeds, "cloister", mode);
        Messages = new EtcdMessages(new GatewayRules([GatewayRules.DefaultPrefix], mode, ["/registry/configmaps/", "/registry/pods/"]), Values, 1 << 24);
    }

    internal SecretArena Arena { get; } = new(64);

    internal ManualCustody Custody { get; }

    internal SeedStore Seeds { get; }

    internal StockKmsV2Values Values { get; }

    internal EtcdMessages Messages { get; }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        Seeds.Dispose();
        Custody.Wipe();
        Arena.Dispose();
    }

    internal async Task<byte[]> EncryptAsync(string key, byte[] plaintext)
    {
        ArrayBufferWriter<byte> output = new();
        await Values.EncryptAsync(Etcd.Bytes(key), plaintext, output, Stop);
        return output.WrittenSpan.ToArray();
    }

    internal async Task<(ValueOutcome Outcome, byte[] Plaintext)> DecryptAsync(string key, byte[] stored)
    {
        ArrayBufferWriter<byte> output = new();
        ValueOutcome outcome = await Values.DecryptAsync(Etcd.Bytes(key), stored, output, Stop);
        return (outcome, output.WrittenSpan.ToArray());
    }

    /// <summary>A request, or the answer to a call that asked before.</summary>
    internal async Task<(RewriteResult Result, byte[] Message)> RewriteAsync(EtcdMessage kind, byte[] message, EtcdCall? call = null)
    {
        ArrayBufferWriter<byte> output = new();
        RewriteResult result = await Messages.RewriteAsync(kind, call ?? new EtcdCall(), message, output, Stop);
        return (result, output.WrittenSpan.ToArray());
    }

    /// <summary>A call that asked.</summary>
    internal async Task<EtcdCall> AskAsync(EtcdMessage kind, params byte[][] requests)
    {
        EtcdCall call = new();
        foreach (byte[] request in requests)
        {
            await RewriteAsync(kind, request, call);
        }

        return call;
    }

    /// <summary>EDEK of a stored value.</summary>
    internal static byte[] Edek(byte[] stored) => EncryptedObject.Parse(StoredValue.Parse(stored).Body).Edek.ToArray();

    /// <summary>What an API server stores that has a seed of its own and this custody behind its KMS provider.</summary>
    internal async Task<byte[]> StoredByApiServerAsync(string key, byte[] plaintext)
    {
        byte[] seed = TestKeys.Random();
        byte[] edek = new byte[Contracts.Envelope.Edek.MaxSize];
        EncryptResult result = await Custody.EncryptAsync(seed, edek, Stop);
        byte[] data = new byte[plaintext.Length + StoredValueCipher.Overhead];
        StoredValueCipher.Encrypt(seed, Etcd.Bytes(key), plaintext, data);
        ArrayBufferWriter<byte> output = new();
        output.Write(StoredValue.KmsV2PrefixFor("cloister"));
        EncryptedObject.Write(output, data, result.KeyId, edek.AsSpan(0, result.Length));
        return output.WrittenSpan.ToArray();
    }

    /// <summary>What an API server reads that has this custody behind its KMS provider.</summary>
    internal async Task<byte[]?> ReadByApiServerAsync(string key, byte[] stored)
    {
        byte[] edek = Edek(stored);
        byte[] seed = new byte[Contracts.Envelope.Edek.MaxSize];
        int length = await Custody.DecryptAsync(Contracts.Envelope.Edek.Parse(edek).Kek, edek, seed, Stop);
        EncryptedObject value = EncryptedObject.Parse(StoredValue.Parse(stored).Body);
        return StoredValueCipher.Decrypt(value.SourceType, seed.AsSpan(0, length), Etcd.Bytes(key), value.Data);
    }
}
