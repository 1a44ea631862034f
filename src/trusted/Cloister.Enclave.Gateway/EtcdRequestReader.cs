using Cloister.Contracts.Wire;
using Cloister.Enclave.Base;

namespace Cloister.Enclave.Gateway;

/// <summary>
/// Reads what a request asks of etcd, and refuses what is asked of keys that the gateway does not serve. Source: etcd, rpc.proto.
/// secrets: none are kept.
/// </summary>
internal ref struct EtcdRequestReader
{
    // etcd's own limit of operations, and what the keys of one call may have together: each call keeps them until it ends.
    private const int MaxOperations = 128;
    private const int MaxKeyBytes = 64 * 1024;
    private const int MaxDepth = 32;
    private const int Ascending = 1;
    private const int Descending = 2;

    private readonly GatewayRules _rules;
    private int _operations;
    private int _keyBytes;

    private EtcdRequestReader(GatewayRules rules)
    {
        _rules = rules;
    }

    /// <summary>Reads a request into its call. Oneofs of transactions are known to be used once.</summary>
    /// <exception cref="WireException">Malformed.</exception>
    /// <exception cref="EtcdRefusalException">It asks for keys that are not served.</exception>
    /// <exception cref="FailureException">Invalid: a second request where one is meant. LimitReached: more than a call may ask.</exception>
    internal static void Read(GatewayRules rules, EtcdMessage kind, ReadOnlySpan<byte> message, EtcdCall call)
    {
        EtcdRequestReader reader = new(rules);
        if (kind == EtcdMessage.WatchRequest)
        {
            if (reader.Watch(message) is { } watch)
            {
                call.Ask(watch);
            }
        }
        else if (!call.TryAsk(reader.Operation(kind, message, 0)))
        {
            throw new FailureException(FailureKind.Invalid, "a call has one request");
        }
    }

    private AskedOperation Operation(EtcdMessage kind, ReadOnlySpan<byte> message, int depth)
    {
        if (++_operations > MaxOperations || depth > MaxDepth)
        {
            throw new FailureException(FailureKind.Invalid, $"a transaction has more than {MaxOperations} operations, or is nested deeper than {MaxDepth}");
        }

        return kind switch
        {
            EtcdMessage.RangeRequest => OfRange(message),
            EtcdMessage.PutRequest => Put(message),
            EtcdMessage.DeleteRangeRequest => Delete(message),
            _ => Transaction(message, depth),
        };
    }

    private AskedOperation OfRange(ReadOnlySpan<byte> message)
    {
        Keys keys = default;
        (long limit, long newest, long oldest) = (0, long.MaxValue, 0);
        (int order, int target, bool keysOnly, bool countOnly) = (0, 0, false, false);
        ProtoReader reader = new(message);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 3:
                    limit = unchecked((long)reader.Integer());
                    break;
                case 4 or 11:
                    long revision = unchecked((long)reader.Integer());
                    newest = revision > 0 ? Math.Min(newest, revision) : newest;
                    break;
                case 5:
                    order = unchecked((int)reader.Integer());
                    break;
                case 6:
                    target = unchecked((int)reader.Integer());
                    break;
                case 8:
                    keysOnly = reader.Integer() != 0;
                    break;
                case 9:
                    countOnly = reader.Integer() != 0;
                    break;
                case 10:
                    oldest = unchecked((long)reader.Integer());
                    break;
                default:
                    keys.Take(ref reader, 1, 2);
                    break;
            }
        }

        return new AskedOperation
        {
            Kind = EtcdMessage.RangeRequest,
            Keys = Served(keys, KeyUse.Read),
            Limit = limit,
            Order = target != 0 ? 0 : order switch { Descending => -1, 0 or Ascending => 1, _ => 0 },
            KeysOnly = keysOnly,
            CountOnly = countOnly,
            NewestMod = newest,
            OldestMod = oldest,
        };
    }

    private AskedOperation Put(ReadOnlySpan<byte> message)
    {
        Keys keys = default;
        ReadOnlySpan<byte> value = default;
        bool previous = false;
        ProtoReader reader = new(message);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 2:
                    value = reader.Bytes();
                    break;
                case 4:
                    previous = reader.Integer() != 0;
                    break;
                default:
                    keys.Take(ref reader, 1, 0);
                    break;
            }
        }

        KeyRange served = Served(keys, KeyUse.Write);
        if (GatewayRules.IsCompaction(served.Key) && (value.Length > GatewayRules.MaxCompactionValue || value.ContainsAnyExceptInRange((byte)'0', (byte)'9')))
        {
            throw new FailureException(FailureKind.Invalid, "compact_rev_key holds a revision, a decimal number; its value passes the gateway in clear");
        }

        return new AskedOperation { Kind = EtcdMessage.PutRequest, Keys = served, PreviousPairs = previous };
    }

    private AskedOperation Delete(ReadOnlySpan<byte> message)
    {
        Keys keys = default;
        bool previous = false;
        ProtoReader reader = new(message);
        while (reader.Next())
        {
            if (reader.Field == 3)
            {
                previous = reader.Integer() != 0;
            }
            else
            {
                keys.Take(ref reader, 1, 2);
            }
        }

        return new AskedOperation { Kind = EtcdMessage.DeleteRangeRequest, Keys = Served(keys, KeyUse.Delete), PreviousPairs = previous };
    }

    private AskedOperation Transaction(ReadOnlySpan<byte> message, int depth)
    {
        List<AskedOperation> success = new(1);
        List<AskedOperation> failure = new(1);
        ProtoReader reader = new(message);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    Compare(reader.Bytes());
                    break;
                case 2 or 3:
                    (reader.Field == 2 ? success : failure).Add(OneOf(reader.Bytes(), depth));
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new AskedOperation { Kind = EtcdMessage.TxnRequest, Success = success, Failure = failure };
    }

    private AskedOperation OneOf(ReadOnlySpan<byte> message, int depth)
    {
        ProtoReader reader = new(message);
        while (reader.Next())
        {
            EtcdMessage kind = EtcdSchema.Operation(reader.Field);
            if (kind != EtcdMessage.Opaque)
            {
                return Operation(kind, reader.Bytes(), depth + 1);
            }

            reader.Skip();
        }

        throw new WireException("an operation is none of those that are known", reader.Position);
    }

    private void Compare(ReadOnlySpan<byte> message)
    {
        Keys keys = default;
        ProtoReader reader = new(message);
        while (reader.Next())
        {
            keys.Take(ref reader, 3, 64);
        }

        RequireServed(keys, KeyUse.Read);
    }

    // Null when it asks for no watch.
    private AskedWatch? Watch(ReadOnlySpan<byte> message)
    {
        AskedWatch? watch = null;
        bool seen = false;
        ProtoReader reader = new(message);
        while (reader.Next())
        {
            if (reader.Field is not (>= 1 and <= 3))
            {
                reader.Skip();
                continue;
            }

            if (seen)
            {
                throw new WireException("a watch request has more than one of its oneof,", reader.Position);
            }

            seen = true;
            ReadOnlySpan<byte> content = reader.Bytes();
            watch = reader.Field == 1 ? CreateWatch(content) : null;
        }

        return watch;
    }

    private AskedWatch CreateWatch(ReadOnlySpan<byte> message)
    {
        Keys keys = default;
        bool previous = false;
        long id = 0;
        ProtoReader reader = new(message);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 6:
                    previous = reader.Integer() != 0;
                    break;
                case 7:
                    id = unchecked((long)reader.Integer());
                    break;
                default:
                    keys.Take(ref reader, 1, 2);
                    break;
            }
        }

        return new AskedWatch(Served(keys, KeyUse.Watch), id, previous);
    }

    private KeyRange Served(Keys keys, KeyUse use)
    {
        RequireServed(keys, use);
        return new KeyRange(keys.Key.ToArray(), keys.End.ToArray());
    }

    private void RequireServed(Keys keys, KeyUse use)
    {
        _keyBytes += keys.Key.Length + keys.End.Length;
        if (_keyBytes > MaxKeyBytes)
        {
            throw new FailureException(FailureKind.Invalid, $"the keys of a call have more than {MaxKeyBytes} bytes");
        }

        _rules.RequireServed(keys.Key, keys.End, use);
    }

    // The last of each counts, as everywhere in Protocol Buffers.
    private ref struct Keys
    {
        internal ReadOnlySpan<byte> Key { get; private set; }

        internal ReadOnlySpan<byte> End { get; private set; }

        internal void Take(scoped ref ProtoReader reader, int keyField, int endField)
        {
            if (reader.Field == keyField)
            {
                Key = reader.Bytes();
            }
            else if (reader.Field == endField)
            {
                End = reader.Bytes();
            }
            else
            {
                reader.Skip();
            }
        }
    }
}
