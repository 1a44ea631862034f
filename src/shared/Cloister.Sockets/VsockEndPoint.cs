using System.Globalization;
using System.Net;

namespace Cloister.Sockets;

/// <summary>An address between a machine and the virtual machines on it. Source: vsock(7).</summary>
public sealed class VsockEndPoint : EndPoint
{
    /// <summary>Any context id of this machine, to listen on.</summary>
    public const uint AnyCid = uint.MaxValue;

    private const string Scheme = "vsock:";

    /// <summary>Names an address.</summary>
    /// <param name="cid">Context id.</param>
    /// <param name="port">Port.</param>
    public VsockEndPoint(uint cid, uint port)
    {
        Cid = cid;
        Port = port;
    }

    /// <summary>Context id: which machine.</summary>
    public uint Cid { get; }

    /// <summary>Port.</summary>
    public uint Port { get; }

    /// <summary>Reads <c>vsock:PORT</c> (any context id) or <c>vsock:CID:PORT</c>; null for anything else.</summary>
    public static VsockEndPoint? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!text.StartsWith(Scheme, StringComparison.Ordinal))
        {
            return null;
        }

        string[] numbers = text[Scheme.Length..].Split(':');
        return numbers switch
        {
            [string port] when Number(port, out uint number) => new VsockEndPoint(AnyCid, number),
            [string cid, string port] when Number(cid, out uint machine) && Number(port, out uint number) => new VsockEndPoint(machine, number),
            _ => null,
        };
    }

    /// <summary>As <see cref="Parse"/> reads it.</summary>
    public override string ToString() =>
        Cid == AnyCid ? string.Create(CultureInfo.InvariantCulture, $"{Scheme}{Port}") : string.Create(CultureInfo.InvariantCulture, $"{Scheme}{Cid}:{Port}");

    // The largest number means any, which nobody can mean here.
    private static bool Number(string text, out uint number) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number < uint.MaxValue;
}
