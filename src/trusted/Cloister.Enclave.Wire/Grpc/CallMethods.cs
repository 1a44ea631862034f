using System.Text;
using Cloister.Enclave.Base;

namespace Cloister.Enclave.Wire.Grpc;

/// <summary>The methods of a socket, by path. secrets: none.</summary>
internal sealed class CallMethods
{
    private readonly (byte[] Path, string Name, ServiceMethod Handler, CallMeter Meter)[] _methods;
    private readonly CallMeter _other;

    internal CallMethods(string role, IEnumerable<KeyValuePair<string, ServiceMethod>> methods)
    {
        _methods = [.. methods.Select(method => (Encoding.ASCII.GetBytes(method.Key), method.Key, method.Value, new CallMeter(role, method.Key[1..], GrpcStatuses.Names)))];
        _other = new CallMeter(role, "other", GrpcStatuses.Names);
    }

    /// <summary>Where calls are counted.</summary>
    internal IEnumerable<CallMeter> Meters => _methods.Select(method => method.Meter).Append(_other);

    /// <summary>What serves a path, and the path for logs; null when nothing does.</summary>
    internal (string Name, ServiceMethod? Handler, CallMeter Meter) Find(ReadOnlySpan<byte> path)
    {
        foreach ((byte[] known, string name, ServiceMethod handler, CallMeter meter) in _methods)
        {
            if (path.SequenceEqual(known))
            {
                return (name, handler, meter);
            }
        }

        return (Encoding.ASCII.GetString(path), null, _other);
    }
}
