using Cloister.Contracts.Wire;

namespace Cloister.Enclave.Gateway;

/// <summary>
/// Compares an answer of etcd with what was asked, and finds its covered values and the nested messages around them, in the order in
/// which they stand. Reads the whole message before anything is changed. secrets: none are kept; offsets only.
/// </summary>
internal readonly ref struct EtcdAnswerFinder
{
    private readonly EtcdFields _fields;
    private readonly EtcdCall _call;

    private EtcdAnswerFinder(EtcdFields fields, EtcdCall call)
    {
        _fields = fields;
        _call = call;
    }

    /// <summary>Adds the fields to an empty list; none when the message stays as it is.</summary>
    /// <exception cref="WireException">Not a well-formed message.</exception>
    /// <exception cref="EtcdRefusalException">It does not answer what was asked.</exception>
    internal static void Find(GatewayRules rules, EtcdMessage kind, ReadOnlySpan<byte> message, EtcdCall call, List<EtcdField> found)
    {
        EtcdAnswerFinder finder = new(new EtcdFields(rules, message, found), call);
        if (kind == EtcdMessage.WatchResponse)
        {
            finder.Watch();
            return;
        }

        AskedOperation asked = call.Asked ?? throw EtcdRefusalException.Answer(EtcdFault.NotAsked, "it came before the request", default);
        if (kind == EtcdMessage.RangeStreamResponse)
        {
            finder.RangeStream(asked);
        }
        else
        {
            Require(!call.Answered, EtcdFault.NotAsked, "a second answer to one request", default);
            call.Answered = true;
            finder.Response(asked, 0, message.Length, -1);
        }
    }

    private void Response(AskedOperation asked, int offset, int size, int parent)
    {
        switch (asked.Kind)
        {
            case EtcdMessage.RangeRequest:
                RangeResponse(asked, offset, size, parent, carried: false);
                break;
            case EtcdMessage.PutRequest:
                PutResponse(asked, offset, size, parent);
                break;
            case EtcdMessage.DeleteRangeRequest:
                DeleteResponse(asked, offset, size, parent);
                break;
            default:
                Transaction(asked, offset, size, parent);
                break;
        }
    }

    private void RangeStream(AskedOperation asked)
    {
        bool seen = false;
        ProtoReader reader = new(_fields.Message);
        while (reader.Next())
        {
            if (reader.Field != 1)
            {
                reader.Skip();
                continue;
            }

            Once(ref seen, reader);
            int self = _fields.Enter(ref reader, 0, -1, out int start, out int length);
            RangeResponse(asked, start, length, self, carried: true);
            _fields.Leave(self);
        }
    }

    // A range over several messages goes on where the one before ended.
    private void RangeResponse(AskedOperation asked, int offset, int size, int parent, bool carried)
    {
        ReadOnlySpan<byte> last = carried ? _call.LastKey : default;
        long count = carried ? _call.AnsweredPairs : 0;
        bool first = count == 0;
        ProtoReader reader = _fields.Reader(offset, size);
        while (reader.Next())
        {
            if (reader.Field != 2)
            {
                reader.Skip();
                continue;
            }

            int self = _fields.Enter(ref reader, offset, parent, out int start, out int length);
            EtcdPair pair = _fields.Pair(start, length, self, EtcdSchema.PairValueField);
            _fields.Leave(self);
            ReadOnlySpan<byte> key = _fields.Key(pair);
            Require(asked.Keys.Contains(key), EtcdFault.KeyNotAsked, "a pair that was not asked for", key);
            Require(!asked.CountOnly, EtcdFault.ValueNotAsked, "a pair where a count was asked for", key);
            Require(!asked.KeysOnly || !pair.HasValue, EtcdFault.ValueNotAsked, "a value where keys were asked for", key);
            Require(pair.ModRevision <= asked.NewestMod && pair.ModRevision >= asked.OldestMod, EtcdFault.Revision, "a pair of another revision than was asked for", key);
            int step = first ? asked.Order : Math.Sign(key.SequenceCompareTo(last));
            Require(asked.Order == 0 || step == asked.Order, EtcdFault.Order, "keys out of order, or twice", key);
            Require(++count <= asked.Limit || asked.Limit <= 0, EtcdFault.Limit, "more pairs than the limit", key);
            last = key;
            first = false;
        }

        if (carried)
        {
            // A message with no pair leaves it; comparing spans by place is enough to see that.
            _call.LastKey = count == _call.AnsweredPairs ? _call.LastKey : last.ToArray();
            _call.AnsweredPairs = count;
        }
    }

    private void PutResponse(AskedOperation asked, int offset, int size, int parent)
    {
        bool seen = false;
        ProtoReader reader = _fields.Reader(offset, size);
        while (reader.Next())
        {
            if (reader.Field != 2)
            {
                reader.Skip();
                continue;
            }

            Once(ref seen, reader);
            Previous(asked, ref reader, offset, parent);
        }
    }

    private void DeleteResponse(AskedOperation asked, int offset, int size, int parent)
    {
        ProtoReader reader = _fields.Reader(offset, size);
        while (reader.Next())
        {
            if (reader.Field == 3)
            {
                Previous(asked, ref reader, offset, parent);
            }
            else
            {
                reader.Skip();
            }
        }
    }

    private void Previous(AskedOperation asked, ref ProtoReader reader, int offset, int parent)
    {
        int self = _fields.Enter(ref reader, offset, parent, out int start, out int length);
        ReadOnlySpan<byte> key = _fields.Key(_fields.Pair(start, length, self, EtcdSchema.PairValueField));
        _fields.Leave(self);
        Require(asked.PreviousPairs, EtcdFault.Previous, "a previous pair that was not asked for", key);
        Require(asked.Keys.Contains(key), EtcdFault.KeyNotAsked, "a previous pair of another key", key);
    }

    private void Transaction(AskedOperation asked, int offset, int size, int parent)
    {
        List<AskedOperation> operations = Succeeded(offset, size) ? asked.Success : asked.Failure;
        int answered = 0;
        ProtoReader reader = _fields.Reader(offset, size);
        while (reader.Next())
        {
            if (reader.Field != 3)
            {
                reader.Skip();
                continue;
            }

            // No deeper than the request, which was bounded.
            Require(answered < operations.Count, EtcdFault.Operations, "more responses than operations in a transaction", default);
            int self = _fields.Enter(ref reader, offset, parent, out int start, out int length);
            Operation(operations[answered++], start, length, self);
            _fields.Leave(self);
        }

        Require(answered == operations.Count, EtcdFault.Operations, "fewer responses than operations in a transaction", default);
    }

    private void Operation(AskedOperation asked, int offset, int size, int parent)
    {
        bool seen = false;
        ProtoReader reader = _fields.Reader(offset, size);
        while (reader.Next())
        {
            EtcdMessage kind = EtcdSchema.Operation(reader.Field);
            if (kind == EtcdMessage.Opaque)
            {
                reader.Skip();
                continue;
            }

            Once(ref seen, reader);
            Require(kind == asked.Kind, EtcdFault.Operations, "a response to another kind of operation in a transaction", asked.Keys.Key);
            int self = _fields.Enter(ref reader, offset, parent, out int start, out int length);
            Response(asked, start, length, self);
            _fields.Leave(self);
        }

        Require(seen, EtcdFault.Operations, "no response to an operation in a transaction", asked.Keys.Key);
    }

    private void Watch()
    {
        long id = 0;
        (bool created, bool canceled) = (false, false);
        ProtoReader head = new(_fields.Message);
        while (head.Next())
        {
            switch (head.Field)
            {
                case 2:
                    id = unchecked((long)head.Integer());
                    break;
                case 3:
                    created = head.Integer() != 0;
                    break;
                case 4:
                    canceled = head.Integer() != 0;
                    break;
                default:
                    head.Skip();
                    break;
            }
        }

        if (_call.Watches is not { } watches)
        {
            throw EtcdRefusalException.Answer(EtcdFault.NotAsked, $"watch {id} was never asked for", default);
        }

        AskedWatch? watch = watches.Answered(id, created, canceled);
        ProtoReader reader = new(_fields.Message);
        while (reader.Next())
        {
            if (reader.Field != 11)
            {
                reader.Skip();
                continue;
            }

            int self = _fields.Enter(ref reader, 0, -1, out int start, out int length);
            Event(watch, start, length, self);
            _fields.Leave(self);
        }
    }

    private void Event(AskedWatch? watch, int offset, int size, int parent)
    {
        EtcdPair? now = null;
        EtcdPair? before = null;
        ProtoReader reader = _fields.Reader(offset, size);
        while (reader.Next())
        {
            if (reader.Field is not (2 or 3))
            {
                reader.Skip();
                continue;
            }

            bool isNow = reader.Field == 2;
            bool seen = (isNow ? now : before) is not null;
            Once(ref seen, reader);
            int self = _fields.Enter(ref reader, offset, parent, out int start, out int length);
            EtcdPair pair = _fields.Pair(start, length, self, EtcdSchema.PairValueField);
            _fields.Leave(self);
            if (isNow)
            {
                now = pair;
            }
            else
            {
                before = pair;
            }
        }

        ReadOnlySpan<byte> key = now is { } changed ? _fields.Key(changed) : default;
        Require(watch is not null, EtcdFault.NotAsked, "an event of no watch", key);
        Require(now is not null && watch!.Keys.Contains(key), EtcdFault.KeyNotAsked, "an event outside its watch", key);
        Require(before is null || watch!.PreviousPairs, EtcdFault.Previous, "a previous pair that was not asked for", key);
        Require(before is not { } previous || _fields.Key(previous).SequenceEqual(key), EtcdFault.Previous, "an event whose previous pair has another key", key);
    }

    // The last one counts, as everywhere in Protocol Buffers; so it is looked for before the responses are read.
    private bool Succeeded(int offset, int size)
    {
        bool succeeded = false;
        ProtoReader reader = _fields.Reader(offset, size);
        while (reader.Next())
        {
            if (reader.Field == 2)
            {
                succeeded = reader.Integer() != 0;
            }
            else
            {
                reader.Skip();
            }
        }

        return succeeded;
    }

    // Protobuf libraries differ on a second one: some merge, some replace. A key of the first with a value of the second was not compared.
    private static void Once(ref bool seen, in ProtoReader reader)
    {
        if (seen)
        {
            throw new WireException($"field {reader.Field} occurs again, or beside another of its oneof,", reader.Position);
        }

        seen = true;
    }

    private static void Require(bool holds, EtcdFault fault, string what, ReadOnlySpan<byte> key)
    {
        if (!holds)
        {
            throw EtcdRefusalException.Answer(fault, what, key);
        }
    }
}
