using Cloister.Sockets;

namespace Cloister.Tee.Tests.Vsock;

public sealed class VsockEndPointTests
{
    [Theory]
    [InlineData("vsock:5000", VsockEndPoint.AnyCid, 5000)]
    [InlineData("vsock:16:0", 16, 0)]
    [InlineData("vsock:4294967294:4294967294", 4294967294, 4294967294)]
    public void Addresses_are_read_and_written_back(string text, uint cid, uint port)
    {
        VsockEndPoint endPoint = Assert.IsType<VsockEndPoint>(VsockEndPoint.Parse(text));
        Assert.Equal((cid, port), (endPoint.Cid, endPoint.Port));
        Assert.Equal(text, endPoint.ToString());
    }

    [Theory]
    [InlineData("vsock:")]
    [InlineData("vsock::1")]
    [InlineData("vsock:1:")]
    [InlineData("vsock:-1")]
    [InlineData("vsock:+1")]
    [InlineData("vsock: 1")]
    [InlineData("vsock:1:2:3")]
    [InlineData("vsock:4294967295")]
    [InlineData("vsock:4294967296")]
    [InlineData("VSOCK:1")]
    [InlineData("tcp:1")]
    public void Other_texts_are_refused(string text) => Assert.Null(VsockEndPoint.Parse(text));

    [Fact]
    public void An_enclave_listens_on_any_context_only()
    {
        Assert.Equal("vsock:5000", ListenAddress.Parse("vsock:5000", out _)!.ToString());
        Assert.Null(ListenAddress.Parse("vsock:16:5000", out string error));
        Assert.Contains("vsock:port", error, StringComparison.Ordinal);
    }
}
