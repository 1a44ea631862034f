using System.Buffers;
using Cloister.Enclave.Gateway;
using Cloister.Enclave.Rpc;

namespace Cloister.Fuzz.Targets.Gateway;

/// <summary>
/// Messages of etcd's API through the rewriter with the real cipher: the first byte selects kind and mode. Refused without a trace in the
/// output, or rewritten as <see cref="RewriteCheck"/> says.
/// </summary>
internal sealed class EtcdMessagesTarget : IFuzzTarget
{
    private const int MaxSize = 1 << 20;
    private const byte AdoptBit = 0x80;

    // All that are a request or a response; the others stand in these.
    private static readonly EtcdMessage[] Kinds =
    [
        EtcdMessage.Opaque, EtcdMessage.RangeRequest, EtcdMessage.PutRequest, EtcdMessage.TxnRequest, EtcdMessage.RangeResponse,
        EtcdMessage.RangeStreamResponse, EtcdMessage.PutResponse, EtcdMessage.DeleteRangeResponse, EtcdMessage.TxnResponse, EtcdMessage.WatchResponse,
    ];

    private readonly StoredValues _values = new();
    private readonly EtcdMessages _sealed;
    private readonly EtcdMessages _adopting;

    internal EtcdMessagesTarget()
    {
        _sealed = StoredValues.Messages(_values.Sealed, PlaintextMode.Sealed, MaxSize);
        _adopting = StoredValues.Messages(_values.Adopting, PlaintextMode.Adopt, MaxSize);
        List<byte[]> seeds = [];
        foreach (byte[] value in (byte[][])[_values.Stored("a Secret"u8), _values.Stored(new byte[1024]), _values.Stored([]), "in clear"u8.ToArray(), "k8s:enc:aescbc:v1:k:x"u8.ToArray(), []])
        {
            byte[][] messages =
            [
                value, EtcdSeeds.RangeRequest, EtcdSeeds.Put(value), EtcdSeeds.Txn(value), EtcdSeeds.Range(value, value), EtcdSeeds.RangeStream(value),
                EtcdSeeds.PutResponse(value), EtcdSeeds.DeleteResponse(value), EtcdSeeds.TxnResponse(value), EtcdSeeds.Watch(value, value),
            ];
            seeds.AddRange(messages.SelectMany((message, kind) => (byte[][])[[(byte)kind, .. message], [(byte)(kind | AdoptBit), .. message]]));
        }

        Seeds = seeds;
    }

    public string Name => "etcd-messages";

    public IReadOnlyList<byte[]> Seeds { get; }

    public byte[] Mutate(Mutator mutator, IReadOnlyList<byte[]> corpus)
    {
        // An input that was accepted has its first byte.
        byte[] input = mutator.Any(corpus);
        return mutator.Random.Next(3) == 0 ? mutator.Mutate(corpus) : [input[0], .. MessageMutator.Mutate(mutator, input[1..], [mutator.Any(corpus)[1..]])];
    }

    public bool Run(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
        {
            return false;
        }

        EtcdMessage kind = Kinds[(input[0] & ~AdoptBit) % Kinds.Length];
        bool request = kind is EtcdMessage.RangeRequest or EtcdMessage.PutRequest or EtcdMessage.TxnRequest;
        bool adopt = (input[0] & AdoptBit) != 0;
        byte[] message = input[1..].ToArray();
        ArrayBufferWriter<byte> output = new();
        output.Write("before"u8);
        try
        {
            RewriteResult result = (adopt ? _adopting : _sealed).RewriteAsync(kind, message, output, default).AsTask().GetAwaiter().GetResult();
            if (kind == EtcdMessage.Opaque)
            {
                return output.WrittenSpan["before".Length..].SequenceEqual(message) ? true : throw new InvalidOperationException("bytes that mean nothing here differ");
            }

            new RewriteCheck(adopt ? _values.Adopting : _values.Sealed, request).Run(kind, message, output.WrittenSpan["before".Length..], result);
            return true;
        }
        catch (RpcException e) when (e.Code == StatusCode.ResourceExhausted || e.Code == (request ? StatusCode.InvalidArgument : StatusCode.Internal))
        {
            return output.WrittenSpan.SequenceEqual("before"u8) ? false : throw new InvalidOperationException("a message that was refused left something behind");
        }
    }
}
