using Cloister.Contracts.Etcd;
using Cloister.Contracts.Wire;

namespace Cloister.Gateway.Tests.Support;

/// <summary>A WatchResponse, as far as tests look at it.</summary>
internal sealed record WatchAnswer(long Revision, IReadOnlyList<KeyValue> Values, IReadOnlyList<KeyValue> PreviousValues)
{
    internal static WatchAnswer Parse(byte[] message)
    {
        long revision = 0;
        List<KeyValue> values = [];
        List<KeyValue> previous = [];
        ProtoReader reader = new(message);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    revision = ResponseHeader.Parser.ParseFrom(reader.Bytes()).Revision;
                    break;
                case 11:
                    ProtoReader of = new(reader.Bytes());
                    while (of.Next())
                    {
                        if (of.Field is 2 or 3)
                        {
                            (of.Field == 2 ? values : previous).Add(KeyValue.Parser.ParseFrom(of.Bytes()));
                        }
                        else
                        {
                            of.Skip();
                        }
                    }

                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new WatchAnswer(revision, values, previous);
    }
}
