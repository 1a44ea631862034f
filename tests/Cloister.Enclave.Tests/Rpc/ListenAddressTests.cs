using Cloister.Sockets;

namespace Cloister.Enclave.Tests.Rpc;

public sealed class ListenAddressTests
{
    [Theory]
    [InlineData("unix:/run/cloister/kms.sock", "/run/cloister/kms.sock")]
    [InlineData("tcp:127.0.0.1:7443", null)]
    [InlineData("tcp:127.1.2.3:0", null)]
    [InlineData("tcp:[::1]:7443", null)]
    public void Accepted(string text, string? path)
    {
        ListenAddress? address = ListenAddress.Parse(text, out string error);
        Assert.NotNull(address);
        Assert.Equal("", error);
        Assert.Equal(path, address.Path);
        Assert.Equal(text, address.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("/run/kms.sock")]
    [InlineData("unix:")]
    [InlineData("unix:relative")]
    [InlineData("unix:@abstract")]
    [InlineData("tcp:0.0.0.0:7443")]
    [InlineData("tcp:10.0.0.1:7443")]
    [InlineData("tcp:[::]:7443")]
    [InlineData("tcp:localhost:7443")]
    [InlineData("tcp:127.0.0.1:70000")]
    [InlineData("http://127.0.0.1:80")]
    public void Refused(string text)
    {
        Assert.Null(ListenAddress.Parse(text, out string error));
        Assert.NotEqual("", error);
    }

    [Theory]
    [InlineData("tcp:0.0.0.0:7443", false)]
    [InlineData("tcp:[::]:7443", false)]
    [InlineData("tcp:127.1.2.3:7443", true)]
    [InlineData("unix:/run/kms.sock", true)]
    [InlineData("vsock:7443", true)]
    public void Whether_other_machines_reach_it(string text, bool local) => Assert.Equal(local, ListenAddress.ParseAny(text, out _)!.IsLocal);

    [Fact]
    public void A_path_has_107_bytes_at_most()
    {
        Assert.NotNull(ListenAddress.Parse("unix:/" + new string('a', 106), out _));
        Assert.Null(ListenAddress.Parse("unix:/" + new string('a', 107), out _));
        Assert.Null(ListenAddress.Parse("unix:/" + new string('ä', 54), out _));
    }
}
