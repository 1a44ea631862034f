using System.Text;

namespace Cloister.Enclave.Rpc;

/// <summary>The methods of a socket, by path. secrets: none.</summary>
internal sealed class CallMethods
{
    private readonly (byte[] Path, string Name, UnaryHandler Handler)[] _methods;

    internal CallMethods(IEnumerable<KeyValuePair<string, UnaryHandler>> methods)
    {
        _methods = [.. methods.Select(method => (Encoding.ASCII.GetBytes(method.Key), method.Key, method.Value))];
    }

    /// <summary>What serves a path, and the path for logs; null when nothing does.</summary>
    internal (string Name, UnaryHandler? Handler) Find(ReadOnlySpan<byte> path)
    {
        foreach ((byte[] known, string name, UnaryHandler handler) in _methods)
        {
            if (path.SequenceEqual(known))
            {
                return (name, handler);
            }
        }

        return (Encoding.ASCII.GetString(path), null);
    }
}
