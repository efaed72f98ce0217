using System.Buffers;
using System.Text;
using VmHost.Daemon.Hosting.Authority;

namespace VmHost.Daemon.Tests.Authority;

/// <summary>The rewriting of header blocks, decoded by nghttp2, which shares no code with it.</summary>
public sealed class HeaderFramesTests
{
    private const string Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    private const byte EndHeaders = 0x4;

    private readonly HeaderFrames _frames = new();

    [Fact]
    public void Every_header_but_the_authority_arrives_as_the_client_meant_it()
    {
        for (var seed = 0; seed < 1_000; seed++)
        {
            try
            {
                RunConnection(new Random(seed));
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}: {e.Message}", e);
            }
        }
    }

    // One connection with its tables: header blocks of two authorities between other frames, in pieces of any size.
    private static void RunConnection(Random dice)
    {
        var client = new RandomEncoder(dice);
        using var server = new Nghttp2();
        var frames = new HeaderFrames();
        var sent = new List<byte>(Encoding.ASCII.GetBytes(Preface));
        var blocks = new List<List<(string, string)>>();
        string[] authorities = [RandomAuthority(dice), RandomAuthority(dice)];
        var others = new List<byte[]>();
        for (var block = 0; block < 30; block++)
        {
            List<(string, string)> headers =
            [
                (":method", "POST"), (":scheme", "http"), (":path", $"/vmhost.v1.Service{dice.Next(3)}/Call"),
                .. dice.Next(10) > 0 ? [(":authority", authorities[dice.Next(2)])] : Array.Empty<(string, string)>(),
                ("content-type", "application/grpc"), ("user-agent", "client"),
                .. dice.Next(5) == 0 ? [("host", authorities[dice.Next(2)])] : Array.Empty<(string, string)>(),
                .. dice.Next(5) == 0 ? [($"x-{dice.Next(6)}", new string('y', dice.Next(200)))] : Array.Empty<(string, string)>(),
            ];
            blocks.Add(headers);
            sent.AddRange(HttpFrames.Headers(dice, (uint)(block * 2) + 1, client.Encode(headers)));
            var data = HttpFrames.Data(dice, (uint)(block * 2) + 1);
            others.Add(data);
            sent.AddRange(data);
        }

        var received = HttpFrames.Parse(Process(frames, [.. sent], dice)[Preface.Length..]);

        var decoded = received.Where(frame => frame.Block is not null).Select(frame => server.Decode(frame.Block!)).ToList();
        Assert.Equal(blocks.Count, decoded.Count);
        foreach (var (meant, got) in blocks.Zip(decoded))
            Assert.Equal(meant.Select(Rewritten), got);

        Assert.Equal(others, received.Where(frame => frame.Block is null).Select(frame => frame.Bytes));
    }

    [Theory]
    [InlineData("localhost", 9)]
    [InlineData("%2Frun%2Fvmhost%2Fvmhostd.sock", 9)]
    [InlineData("/a", 2)]
    [InlineData("", 0)]
    public void The_replacement_is_not_longer_than_the_value(string authority, int length)
    {
        using var server = new Nghttp2();
        byte[] block = [0x41, .. LengthAnd(authority)];

        var received = Pass([.. Encoding.ASCII.GetBytes(Preface), .. Frame(1, EndHeaders, block)]);

        Assert.Equal([(":authority", "localhost"[..length])], server.Decode(HttpFrames.Parse(received[Preface.Length..])[0].Block!));
    }

    [Fact]
    public void A_block_without_an_authority_passes_untouched()
    {
        byte[] sent = [.. Encoding.ASCII.GetBytes(Preface), .. Frame(1, 0x1 | EndHeaders | 0x8, [3, 0x83, 0x84, 0, 0, 0]), .. Frame(4, 0, [])];

        Assert.Equal(sent, Pass(sent));
    }

    [Theory]
    [InlineData(new byte[] { 0x41 })]
    [InlineData(new byte[] { 0x41, 0x05, 0x61 })]
    [InlineData(new byte[] { 0x41, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff })]
    [InlineData(new byte[] { 0x41, 0x84, 0xff, 0xff, 0xff, 0xff })]
    [InlineData(new byte[] { 0x41, 0x82, 0x1f, 0xff })]
    [InlineData(new byte[] { 0x41, 0x81, 0x18 })]
    [InlineData(new byte[] { 0xff })]
    public void A_malformed_block_is_left_to_the_server(byte[] block)
    {
        byte[] sent = [.. Encoding.ASCII.GetBytes(Preface), .. Frame(1, EndHeaders, block), .. Frame(6, 0, new byte[8])];

        Assert.Equal(sent, Pass(sent));
    }

    [Theory]
    [InlineData(0x8, new byte[0])]
    [InlineData(0x8, new byte[] { 5, 0x83 })]
    [InlineData(0x28, new byte[] { 0, 0, 0 })]
    public void A_malformed_frame_is_left_to_the_server_with_all_that_follows(byte flags, byte[] payload)
    {
        byte[] sent = [.. Encoding.ASCII.GetBytes(Preface), .. Frame(1, (byte)(flags | EndHeaders), payload), .. Frame(1, EndHeaders, [0x41, .. LengthAnd("/path")])];

        Assert.Equal(sent, Pass(sent));
    }

    [Fact]
    public void Another_frame_within_a_block_is_left_to_the_server()
    {
        byte[] sent = [.. Encoding.ASCII.GetBytes(Preface), .. Frame(1, 0, [0x41, .. LengthAnd("/path")]), .. Frame(6, 0, new byte[8]), .. Frame(9, EndHeaders, [0x83])];

        Assert.Equal(sent, Pass(sent));
    }

    [Fact]
    public void What_is_not_HTTP2_passes_untouched()
    {
        var sent = Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: /a/path\r\n\r\n");

        Assert.Equal(sent, Pass(sent));
    }

    [Fact]
    public void A_block_of_too_many_frames_ends_the_connection()
    {
        Pass([.. Encoding.ASCII.GetBytes(Preface), .. Frame(1, 0, [0x83])]);
        for (var frame = 0; frame < HeaderFrames.MaxContinuations; frame++)
            Pass(Frame(9, 0, [0x83]));

        Assert.Throws<InvalidDataException>(() => Pass(Frame(9, EndHeaders, [0x83])));
    }

    [Fact]
    public void A_block_that_is_too_long_ends_the_connection()
    {
        Pass([.. Encoding.ASCII.GetBytes(Preface), .. Frame(1, 0, new byte[16 << 10])]);
        Pass(Frame(9, 0, new byte[16 << 10]));

        Assert.Throws<InvalidDataException>(() => Pass(Frame(9, EndHeaders, new byte[1 << 10])));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("www.example.com")]
    [InlineData("/run/vmhost/vmhostd.sock")]
    [InlineData("\0\n\r\u00ff\u0080{}|~^")]
    public void The_length_of_a_Huffman_string_is_that_of_its_text(string text) =>
        Assert.Equal(text.Length, HuffmanLength.Of(HuffmanCode.Encode(Encoding.Latin1.GetBytes(text))));

    private static (string, string) Rewritten((string Name, string Value) header) =>
        header.Name is ":authority" or "host" ? header with { Value = "localhost"[..Math.Min(9, header.Value.Length)] } : header;

    private static string RandomAuthority(Random dice) =>
        dice.Next(6) switch
        {
            0 => "localhost",
            1 => "%2Frun%2Fuser%2F1000%2Fvmhost%2Fvmhostd.sock",
            2 => "/run/vmhost/vmhostd.sock",
            3 => "",
            4 => new string('{', dice.Next(40)),
            _ => string.Concat(Enumerable.Range(0, dice.Next(120)).Select(_ => (char)dice.Next(256))),
        };

    private static byte[] Frame(byte type, byte flags, byte[] payload) => HttpFrames.Frame(type, flags, 1, payload);

    private static byte[] LengthAnd(string text) => [(byte)text.Length, .. Encoding.ASCII.GetBytes(text)];

    private byte[] Pass(byte[] sent)
    {
        var received = new ArrayBufferWriter<byte>();
        _frames.Process(sent, received);
        return received.WrittenSpan.ToArray();
    }

    private static byte[] Process(HeaderFrames frames, byte[] sent, Random dice)
    {
        var received = new ArrayBufferWriter<byte>();
        for (var offset = 0; offset < sent.Length;)
        {
            var part = Math.Min(dice.Next(4) == 0 ? 1 : dice.Next(1, 400), sent.Length - offset);
            frames.Process(sent.AsSpan(offset, part), received);
            offset += part;
        }

        return received.WrittenSpan.ToArray();
    }
}
