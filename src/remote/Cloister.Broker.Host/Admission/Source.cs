using System.Net;
using System.Net.Sockets;

namespace Cloister.Broker.Host.Admission;

/// <summary>Where a request comes from, as far as one client can choose it: an IPv4 address, or the /64 of an IPv6 address.</summary>
internal static class Source
{
    /// <summary>Its name: <c>192.0.2.1</c>, <c>2001:db8::/64</c>; <c>unknown</c> without an address.</summary>
    public static string Of(IPAddress? address)
    {
        if (address is null)
        {
            return "unknown";
        }

        if (address.IsIPv4MappedToIPv6)
        {
            address = address.MapToIPv4();
        }

        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address.ToString();
        }

        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        bytes[8..].Clear();
        return $"{new IPAddress(bytes)}/64";
    }
}
