using Cloister.Contracts.Wire;
using Cloister.Enclave.Base;

namespace Cloister.Enclave.Services.Secrets;

/// <summary>
/// An etcd key and a value, in place in a request. All requests of the service have this form: key in field 1, plaintext or stored value
/// in field 2; a rewrap can have field 3. secrets: refers to the request's buffer.
/// </summary>
/// <param name="Key">The etcd key, not empty.</param>
/// <param name="Value">Plaintext or stored value.</param>
/// <param name="Unwrap">Rewrap: a value that is encrypted twice is to be encrypted once.</param>
internal readonly record struct ValueItem(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value, bool Unwrap)
{
    /// <summary>The most items of a batch.</summary>
    internal const int MaxBatch = 1000;

    // etcd takes no longer one in practice; the associated data is not a way to have the enclave hash megabytes.
    private const int MaxKeySize = 4096;

    /// <exception cref="FailureException">Invalid: malformed, or no key.</exception>
    internal static ValueItem Read(ReadOnlyMemory<byte> message)
    {
        try
        {
            return Parse(message);
        }
        catch (WireException e)
        {
            throw Malformed(e);
        }
    }

    /// <exception cref="FailureException">Invalid: malformed, no items, or an item without a key; LimitReached: too many.</exception>
    internal static List<ValueItem> ReadBatch(ReadOnlyMemory<byte> message)
    {
        List<ValueItem> items = [];
        try
        {
            ProtoReader reader = new(message.Span);
            while (reader.Next())
            {
                if (reader.Field != 1)
                {
                    reader.Skip();
                    continue;
                }

                if (items.Count == MaxBatch)
                {
                    throw new FailureException(FailureKind.LimitReached, $"a batch has at most {MaxBatch} items: send several");
                }

                items.Add(Parse(message[reader.BytesRange()]));
            }
        }
        catch (WireException e)
        {
            throw Malformed(e);
        }

        return items.Count > 0 ? items : throw new FailureException(FailureKind.Invalid, "the batch has no items");
    }

    private static ValueItem Parse(ReadOnlyMemory<byte> message)
    {
        Range key = default;
        Range value = default;
        bool unwrap = false;
        ProtoReader reader = new(message.Span);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    key = reader.BytesRange();
                    break;
                case 2:
                    value = reader.BytesRange();
                    break;
                case 3:
                    unwrap = reader.Integer() != 0;
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        // An absent field leaves the range 0..0, which is empty.
        ReadOnlyMemory<byte> name = message[key];
        return name.Length is > 0 and <= MaxKeySize
            ? new ValueItem(name, message[value], unwrap)
            : throw new FailureException(FailureKind.Invalid, $"key has to be the etcd key of the value, 1 to {MaxKeySize} bytes: the value is bound to it");
    }

    private static FailureException Malformed(WireException e) =>
        new(FailureKind.Invalid, $"the request is not a message of cloister.secrets.v1: {e.Message}");
}
