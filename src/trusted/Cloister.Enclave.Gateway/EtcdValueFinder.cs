using Cloister.Contracts.Wire;
using Cloister.Enclave.Base;

namespace Cloister.Enclave.Gateway;

/// <summary>
/// Finds the covered values of a request, and the nested messages around them, in the order in which they stand. Reads the whole
/// message before anything is changed. secrets: none are kept; offsets only.
/// </summary>
internal static class EtcdValueFinder
{
    private const ulong CompareValueTarget = 3;

    /// <summary>Adds the fields to an empty list; none when the message stays as it is.</summary>
    /// <exception cref="WireException">Not a well-formed message.</exception>
    /// <exception cref="FailureException">Invalid: a comparison with a covered value.</exception>
    internal static void Find(GatewayRules rules, EtcdMessage kind, ReadOnlySpan<byte> message, List<EtcdField> found)
    {
        EtcdFields fields = new(rules, message, found);
        if (kind == EtcdMessage.PutRequest)
        {
            fields.Pair(0, message.Length, -1, EtcdSchema.PutValueField);
        }
        else if (kind == EtcdMessage.TxnRequest)
        {
            Transaction(rules, fields, 0, message.Length, -1, 0);
        }
    }

    private static void Transaction(GatewayRules rules, EtcdFields fields, int offset, int size, int parent, int depth)
    {
        if (depth > EtcdFields.MaxDepth)
        {
            throw new WireException($"messages are nested deeper than {EtcdFields.MaxDepth}", offset);
        }

        ProtoReader reader = fields.Reader(offset, size);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    CheckCompare(rules, reader.Bytes());
                    break;
                case 2 or 3:
                    int self = fields.Enter(ref reader, offset, parent, out int start, out int length);
                    Operation(rules, fields, start, length, self, depth);
                    fields.Leave(self);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    // Protobuf libraries differ on a second field of a oneof (some merge, some replace), so what etcd would make of it cannot be told; a key
    // in the first and a value in the second would pass uncovered.
    private static void Operation(GatewayRules rules, EtcdFields fields, int offset, int size, int parent, int depth)
    {
        bool seen = false;
        ProtoReader reader = fields.Reader(offset, size);
        while (reader.Next())
        {
            EtcdMessage kind = EtcdSchema.Operation(reader.Field);
            if (kind != EtcdMessage.Opaque && seen)
            {
                throw new WireException($"field {reader.Field} occurs again, or beside another of its oneof,", offset + reader.Position);
            }

            seen |= kind != EtcdMessage.Opaque;
            if (kind is not (EtcdMessage.PutRequest or EtcdMessage.TxnRequest))
            {
                reader.Skip();
                continue;
            }

            int self = fields.Enter(ref reader, offset, parent, out int start, out int length);
            if (kind == EtcdMessage.PutRequest)
            {
                fields.Pair(start, length, self, EtcdSchema.PutValueField);
            }
            else
            {
                Transaction(rules, fields, start, length, self, depth + 1);
            }

            fields.Leave(self);
        }
    }

    // etcd would compare with the ciphertext, which differs every time: the transaction would silently take the other branch.
    private static void CheckCompare(GatewayRules rules, ReadOnlySpan<byte> message)
    {
        ulong target = 0;
        ReadOnlySpan<byte> key = default;
        ReadOnlySpan<byte> rangeEnd = default;
        ProtoReader reader = new(message);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 2:
                    target = reader.Integer();
                    break;
                case 3:
                    key = reader.Bytes();
                    break;
                case 64:
                    rangeEnd = reader.Bytes();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        // Enumerations are 32 bits wide; what is above is cut off by readers.
        if ((target & uint.MaxValue) == CompareValueTarget && rules.CoversAny(key, rangeEnd))
        {
            throw new FailureException(
                FailureKind.Invalid, "a transaction compares with the value of a key whose values are encrypted, which etcd cannot do; compare its mod_revision");
        }
    }
}
