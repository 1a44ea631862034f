using System.Buffers;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody.Values;
using Cloister.Enclave.Gateway;

namespace Cloister.Fuzz.Targets.Gateway;

/// <summary>
/// Messages of etcd's API through the rewriter with the real cipher: the first byte selects kind, mode, and for answers what was asked:
/// one Secret or all. Refused without a trace in the output, or rewritten as <see cref="RewriteCheck"/> says, with no pair that was not asked for.
/// </summary>
internal sealed class EtcdMessagesTarget : IFuzzTarget
{
    private const int MaxSize = 1 << 20;
    private const byte AdoptBit = 0x80;
    private const byte OneBit = 0x40;

    private static readonly EtcdMessage[] Kinds =
    [
        EtcdMessage.Opaque, EtcdMessage.RangeRequest, EtcdMessage.PutRequest, EtcdMessage.TxnRequest, EtcdMessage.RangeResponse,
        EtcdMessage.RangeStreamResponse, EtcdMessage.PutResponse, EtcdMessage.DeleteRangeResponse, EtcdMessage.TxnResponse, EtcdMessage.WatchResponse,
        EtcdMessage.DeleteRangeRequest, EtcdMessage.WatchRequest,
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
                EtcdSeeds.DeleteRequest, EtcdSeeds.WatchRequest,
            ];
            seeds.AddRange(messages.SelectMany((message, kind) => (byte[][])[[(byte)kind, .. message], [(byte)(kind | OneBit), .. message], [(byte)(kind | AdoptBit), .. message]]));
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

        EtcdMessage kind = Kinds[(input[0] & ~(AdoptBit | OneBit)) % Kinds.Length];
        bool request = EtcdSchema.IsRequest(kind);
        bool adopt = (input[0] & AdoptBit) != 0;
        bool one = (input[0] & OneBit) != 0;
        EtcdMessages messages = adopt ? _adopting : _sealed;
        EtcdCall call = request || kind == EtcdMessage.Opaque ? new EtcdCall() : Asked(messages, kind, one);
        byte[] message = input[1..].ToArray();
        ArrayBufferWriter<byte> output = new();
        output.Write("before"u8);
        try
        {
            RewriteResult result = messages.RewriteAsync(kind, call, message, output, default).AsTask().GetAwaiter().GetResult();
            if (kind == EtcdMessage.Opaque)
            {
                return output.WrittenSpan["before".Length..].SequenceEqual(message) ? true : throw new InvalidOperationException("bytes that mean nothing here differ");
            }

            new RewriteCheck(adopt ? _values.Adopting : _values.Sealed, request, one && !request).Run(kind, message, output.WrittenSpan["before".Length..], result);
            return true;
        }
        catch (EtcdRefusalException e) when (e.IsAnswer != request)
        {
            return output.WrittenSpan.SequenceEqual("before"u8) ? false : throw new InvalidOperationException("a message that was refused left something behind");
        }
        catch (FailureException e) when (e.Kind == FailureKind.LimitReached || e.Kind == (request ? FailureKind.Invalid : FailureKind.Fault)
            || (!request && e.Kind is FailureKind.Unavailable or FailureKind.NotReady))
        {
            return output.WrittenSpan.SequenceEqual("before"u8) ? false : throw new InvalidOperationException("a message that was refused left something behind");
        }
    }

    private static EtcdCall Asked(EtcdMessages messages, EtcdMessage answer, bool one)
    {
        EtcdCall call = new();
        (EtcdMessage kind, byte[] request) = EtcdSeeds.Ask(answer, one);
        ArrayBufferWriter<byte> sent = new();
        messages.RewriteAsync(kind, call, request, sent, default).AsTask().GetAwaiter().GetResult();
        if (kind == EtcdMessage.WatchRequest)
        {
            messages.RewriteAsync(answer, call, EtcdSeeds.Watching, sent, default).AsTask().GetAwaiter().GetResult();
        }

        return call;
    }
}
